"""What can go wrong, and what to do about it.

One family: every error carries the category that lands in the `failures` dataset and says whether trying again can help.
A message is a sentence for the person who owns the document, and ends with the next step.
"""

from __future__ import annotations

from schemas.records import FailureCategory


class ParquetryError(Exception):
    """Base of our errors. `category` lands in `failures`; `retryable` tells whether another attempt can mend it."""

    category: FailureCategory = "internal"
    retryable = False


class EncryptedError(ParquetryError):
    """The document asks for a password."""

    category: FailureCategory = "encrypted"


class CorruptError(ParquetryError):
    """The bytes break off or are not what their type says."""

    category: FailureCategory = "corrupt"


class UnsupportedError(ParquetryError):
    """Neither a PDF nor an image that is read here."""

    category: FailureCategory = "unsupported"


class EmptyError(ParquetryError):
    """Zero bytes or zero pages."""

    category: FailureCategory = "empty"


class TooLargeError(ParquetryError):
    """Above a limit on bytes, pages or pixels."""

    category: FailureCategory = "too_large"


class TimeoutExceededError(ParquetryError):
    """Ended by the clock."""

    category: FailureCategory = "timeout"


class CrashError(ParquetryError):
    """The process that was reading the document died."""

    category: FailureCategory = "crash"


class MemoryExceededError(ParquetryError):
    """Ended by the memory limit."""

    category: FailureCategory = "memory"


class EngineError(ParquetryError):
    """The reading engine gave an error or an answer that cannot be used."""

    category: FailureCategory = "engine"


class TransportError(ParquetryError):
    """A worker or a storage could not be reached."""

    category: FailureCategory = "transport"
    retryable = True


class UnreadableError(ParquetryError):
    """The source could not be opened, or changed while it was being read."""

    category: FailureCategory = "unreadable"
    retryable = True


class WriteError(ParquetryError):
    """The output could not be written."""

    category: FailureCategory = "write"
    retryable = True


class UsageError(ParquetryError):
    """The caller asked for something that cannot be done as asked."""
