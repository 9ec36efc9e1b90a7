"""Small scripts that draw pictures of what the library does; run as modules, shown in docs."""
