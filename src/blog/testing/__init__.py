"""What third parties inherit to test their own adapters."""
