"""When, where and how often documents are read: Prefect flows, deployments, the command line, the datasets on disk."""
