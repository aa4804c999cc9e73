"""Planner of GPU data centres: one site file in, a proven plan, a workbook and a proposal out."""

__version__ = "0.1.0"
