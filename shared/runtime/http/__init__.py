"""The HTTP base of every service: authentication, checks in one order, problems, answers, health.

Dependencies are `async def` even where they wait for nothing: the framework runs plain functions in threads.
"""
