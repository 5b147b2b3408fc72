package io.millrace.model.text.data;

import io.millrace.model.text.DataKind;
import io.millrace.telemetry.json.JsonObject;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A kind of rows.
 *
 * @param kind its name
 * @param knows whether a row is of it, by the fields that it has
 * @param maker makes examples of its rows
 */
record RowKind(DataKind kind, Predicate<JsonObject> knows, Function<Making, ExampleMaker> maker) {}
