package io.millrace.model.text.jinja;

import java.util.List;

/** Python's tuple: a list that is written in parentheses. */
record Tuple(List<Object> items) {}
