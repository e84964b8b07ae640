"""Bytes in, a typed table out, with an account of what was inferred.

A source is unpacked within limits, its characters decoded, its dialect and header found, its columns typed; each guess can be
overruled by `ReadOptions`. What is no table is refused in one sentence (`kanlab.errors.DatasetError`).
"""
