"""YAML and environment → frozen Config; every error names file, line and path. The only door to yaml and pydantic."""
