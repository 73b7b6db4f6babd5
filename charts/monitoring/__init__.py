"""What watches an installation: alerts and dashboards, generated. `make chart` writes them anew."""
