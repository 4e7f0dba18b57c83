"""Service discoveries that a VMScrapeConfig can use: a table each.

Source: https://docs.victoriametrics.com/victoriametrics/sd_configs/
"""
