"""The small company: its customers, in the order in which they came."""

from typing import Final

from cli.demo.stories import (
    ada,
    ben,
    cleo,
    dan,
    eve,
    fay,
    gus,
    hal,
    ivy,
    jon,
    kim,
    lou,
    moe,
    nia,
    oli,
    pam,
    quin,
    ray,
    sue,
    tom,
    uma,
    vic,
    wes,
    xia,
    yul,
    zed,
)
from cli.demo.story import Story

STORIES: Final[tuple[Story, ...]] = tuple(
    module.STORY
    for module in (
        *(ada, ben, cleo, dan, eve, fay, gus, hal, ivy, jon, kim),
        *(lou, moe, nia, oli, pam, quin, ray, sue, tom, uma, vic, wes, xia, yul, zed),
    )
)
