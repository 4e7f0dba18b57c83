"""x"""

from typing import Any

from vmagent_operator.api.objects import CustomObject
from vmagent_operator.scrape.context import Context


def scrape_object(obj: CustomObject[Any], context: Context) -> tuple[str, ...]:
    """x"""
    return ()


def agent(obj: CustomObject[Any]) -> tuple[str, ...]:
    """x"""
    return ()
