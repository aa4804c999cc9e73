"""How far predictions are from what was measured: the report card behind `planner validate`.

`cases` reads measurements, `training` and `inference` predict one row each, `report` groups by family and holds the
result against the accuracy recorded in `catalogs/measurements/recorded.yaml`. Formulae and figures: docs/sizing.md.
"""
