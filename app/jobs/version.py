"""The release that this is; pyproject.toml, the chart and the image say the same."""

VERSION = "0.1.0"
