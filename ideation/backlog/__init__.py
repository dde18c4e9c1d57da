"""Backlog items: what an idea became in the team's tracker."""
