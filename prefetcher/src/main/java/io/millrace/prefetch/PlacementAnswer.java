package io.millrace.prefetch;

/** Where blocks lie, or what does not fit. */
public sealed interface PlacementAnswer permits Placement, PlacementRefusal {}
