"""What the engine says where it has to say something: plain words, and sentences of them."""

from __future__ import annotations

from adapters.custom.draws import Draws

_TEXT = """
acorn amber anchor apple apron arch atlas autumn azure badge baker balcony bamboo banner barley basin basket
beacon berry birch blanket blossom boat border bottle bough breeze brick bridge bright bronze brook bucket
button cabin calm candle canoe canvas canyon carpet castle cedar chalk chapel cherry chimney cinnamon circle
citrus clay cliff clock cloud clover coast cobalt comet compass copper coral corner cottage cotton crane crater
cricket crystal curtain daisy dawn delta desert dew diamond dolphin door dove drift dune eagle early east echo
elm ember engine evening fable falcon farm feather fern ferry field fig finch fire fjord flame flint flower
flute fog forest fountain fox frost garden garnet gate gentle ginger glacier glade glass globe gold granite
grape grass gravel green grove harbor harvest hawk hazel heather hedge heron hill hollow honey horizon ink iris
iron island ivory ivy jade jasmine jewel juniper kettle key kite ladder lagoon lake lantern lark laurel lavender
leaf lemon light lilac lily linen lotus maple marble market marsh meadow melon mill mint mirror mist moon
morning moss mountain north oak oasis ocean olive opal orchard otter owl paper path peach pear pearl pebble
pepper pine planet plum pond poplar prairie quarry quartz quiet quill rain raven reed ribbon ridge river robin
rose ruby saddle saffron sail salt sand sea shade shell silver sky slate slow snow south sparrow spring spruce
star stone storm stream summer sun swan tea thistle thunder tide timber topaz tower trail tulip valley velvet
vine violet
"""
WORDS = tuple(_TEXT.split())
"""Each is one token of the engine's, so that a reader can count an answer by its words and full stops."""


def phrase(draws: Draws, fewest: int, most: int) -> str:
    """Return so many words."""
    length = draws.between(fewest, most)
    code = draws.below(len(WORDS) ** length)  # one number for all words: an answer's time is mostly that of its draws
    chosen = []
    for _ in range(length):
        code, place = divmod(code, len(WORDS))
        chosen.append(WORDS[place])
    return " ".join(chosen)


def sentences(draws: Draws, number: int) -> str:
    """Return so many sentences of six to ten words."""
    return " ".join([phrase(draws, 6, 10).capitalize() + "." for _ in range(number)])
