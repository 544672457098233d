"""Histories of real runs, and faults to plant in them."""
