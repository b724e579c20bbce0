"""Azure AI Vision's answer, as it is on the wire, and what it becomes in the record.

Source: Image Analysis 4.0, api-version 2023-10-01. Parts appear only if they were asked for.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, Field

from services.contracts.records import (
    Analysis,
    Box,
    Caption,
    DenseCaption,
    DetectedObject,
    Person,
    SmartCrop,
    Tag,
    TextLine,
)

ENGINE: Final = "azure-ai-vision"


class WirePoint(BaseModel):
    x: int
    y: int


class WirePerson(BaseModel):
    box: Box = Field(alias="boundingBox")
    confidence: float


class WireObject(BaseModel):
    box: Box = Field(alias="boundingBox")
    tags: list[Tag]


class WireLine(BaseModel):
    text: str
    polygon: list[WirePoint] = Field(alias="boundingPolygon")


class WireBlock(BaseModel):
    lines: list[WireLine]


class WireCrop(BaseModel):
    aspect_ratio: float = Field(alias="aspectRatio")
    box: Box = Field(alias="boundingBox")


class WireDenseCaption(BaseModel):
    text: str
    confidence: float
    box: Box = Field(alias="boundingBox")


class WireDenseCaptions(BaseModel):
    values: list[WireDenseCaption] = []


class WireTags(BaseModel):
    values: list[Tag] = []


class WireObjects(BaseModel):
    values: list[WireObject] = []


class WirePeople(BaseModel):
    values: list[WirePerson] = []


class WireRead(BaseModel):
    blocks: list[WireBlock] = []


class WireCrops(BaseModel):
    values: list[WireCrop] = []


class WireResult(BaseModel):
    model_version: str = Field(alias="modelVersion")
    caption: Caption | None = Field(None, alias="captionResult")
    dense_captions: WireDenseCaptions = Field(WireDenseCaptions(), alias="denseCaptionsResult")
    tags: WireTags = Field(WireTags(), alias="tagsResult")
    objects: WireObjects = Field(WireObjects(), alias="objectsResult")
    people: WirePeople = Field(WirePeople(), alias="peopleResult")
    read: WireRead = Field(WireRead(), alias="readResult")
    crops: WireCrops = Field(WireCrops(), alias="smartCropsResult")


def analysis(body: Mapping[str, Any], *, people_min_confidence: float) -> Analysis:
    """The record's analysis. Raises pydantic.ValidationError for a body that is not Vision's.

    Vision lists people down to confidences near 0; those below the threshold are left out.
    """
    wire = WireResult.model_validate(body)
    return Analysis(
        engine=ENGINE,
        model_version=wire.model_version,
        caption=wire.caption,
        tags=wire.tags.values,
        objects=[
            DetectedObject(name=found.tags[0].name, confidence=found.tags[0].confidence, box=found.box)
            for found in wire.objects.values
            if found.tags
        ],
        people=[
            Person(confidence=found.confidence, box=found.box)
            for found in wire.people.values
            if found.confidence >= people_min_confidence
        ],
        text=[
            TextLine(content=line.text, polygon=[(point.x, point.y) for point in line.polygon])
            for block in wire.read.blocks
            for line in block.lines
        ],
        smart_crops=[SmartCrop(aspect_ratio=crop.aspect_ratio, box=crop.box) for crop in wire.crops.values],
        dense_captions=[
            DenseCaption(text=each.text, confidence=each.confidence, box=each.box)
            for each in wire.dense_captions.values
        ],
    )
