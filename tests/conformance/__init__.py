"""Runs the conformance suite, which lies beside the project, against each server that is supported."""
