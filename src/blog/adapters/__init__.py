"""Technology, tamed: one module for each, that knows the domain and no other adapter."""
