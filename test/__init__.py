"""Tests; packages mirror those of vmagent_operator."""
