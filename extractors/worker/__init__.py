"""The VL worker: a supervised process that holds a vision-language model and answers tiles over an OpenAI-compatible API."""
