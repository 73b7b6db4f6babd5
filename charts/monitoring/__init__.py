"""What watches an installation: alerts and dashboards, generated."""
