"""The ports of the domain on SQL tables, one file each."""
