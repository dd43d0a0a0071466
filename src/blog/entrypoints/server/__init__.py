"""The process that serves: the HTTP protocol, its limits, logs and maintenance."""
