"""Small scripts that plot results of the library; run as modules, shown in docs."""
