"""Small scripts that draw images of what the library does; run as modules, shown in docs."""
