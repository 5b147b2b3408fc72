package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What is behind a dot or in brackets. A dot finds a method before a field of that name, brackets
 * the other way round. Methods that would change a value are not there.
 */
final class Members {
    private Members() {}

    /** {@code of.name}. */
    static Object attribute(Object of, String name) {
        if (of instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object own = own(of, name);
        if (own != null) {
            return own;
        }
        return of instanceof Map<?, ?> map && map.containsKey(name)
                ? map.get(name)
                : new Undefined(name);
    }

    /** {@code of[at]}. */
    static Object item(Object of, Object at) {
        switch (of) {
            case Undefined undefined -> throw undefined.error();
            case Map<?, ?> map when map.containsKey(at) -> {
                return map.get(at);
            }
            case List<?> list when at instanceof Long index -> {
                return indexed(list, index);
            }
            case Tuple tuple when at instanceof Long index -> {
                return indexed(tuple.items(), index);
            }
            case String text when at instanceof Long index -> {
                return indexed(PyText.characters(text), index);
            }
            case null, default -> {}
        }
        Object own = at instanceof String name ? own(of, name) : null;
        return own == null ? new Undefined(PyText.text(at)) : own;
    }

    private static Object indexed(List<?> items, long index) {
        long from = index < 0 ? index + items.size() : index;
        return from >= 0 && from < items.size()
                ? items.get((int) from)
                : new Undefined("element " + index);
    }

    /** {@code of[from:to:step]}, each null where it is missing. */
    static Object slice(Object of, Object from, Object to, Object step) {
        return switch (of) {
            case String text -> {
                StringBuilder out = new StringBuilder();
                sliced(PyText.characters(text), from, to, step).forEach(out::append);
                yield out.toString();
            }
            case List<?> list -> sliced(list, from, to, step);
            case Tuple tuple -> new Tuple(sliced(tuple.items(), from, to, step));
            case Undefined undefined -> throw undefined.error();
            case null, default ->
                    throw new TemplateException("cuts " + PyText.repr(of) + ", which has no parts");
        };
    }

    private static List<Object> sliced(List<?> items, Object from, Object to, Object step) {
        long by = step == null ? 1 : bound(step);
        int size = items.size();
        if (by == 0) {
            throw new TemplateException("cuts in steps of zero");
        }
        long lowest = by > 0 ? 0 : -1;
        long highest = by > 0 ? size : size - 1;
        long first = from == null ? by > 0 ? lowest : highest : within(from, size, lowest, highest);
        long end = to == null ? by > 0 ? highest : lowest : within(to, size, lowest, highest);
        List<Object> out = new ArrayList<>();
        for (long i = first; by > 0 ? i < end : i > end; i += by) {
            out.add(items.get((int) i));
        }
        return out;
    }

    private static long within(Object bound, int size, long lowest, long highest) {
        long value = bound(bound);
        return Math.clamp(value < 0 ? value + size : value, lowest, highest);
    }

    private static long bound(Object value) {
        if (value instanceof Long number) {
            return Math.clamp(number, -Integer.MAX_VALUE, Integer.MAX_VALUE);
        }
        throw new TemplateException("cuts at " + PyText.repr(value));
    }

    /** A method or a value's own field, null where it has none of that name. */
    private static Object own(Object of, String name) {
        return switch (of) {
            case String text -> TextMethods.method(text, name);
            case Map<?, ?> map -> ofMap(map, name);
            case List<?> list -> ofList(list, name);
            case Tuple tuple -> ofList(tuple.items(), name);
            case Namespace namespace -> namespace.get(name);
            case LoopState loop -> loop.get(name);
            case null, default -> null;
        };
    }

    private static Callee ofMap(Map<?, ?> map, String name) {
        return switch (name) {
            case "items" -> passed -> nothing(name, passed, items(map));
            case "keys" -> passed -> nothing(name, passed, new ArrayList<>(map.keySet()));
            case "values" -> passed -> nothing(name, passed, new ArrayList<>(map.values()));
            case "copy" -> passed -> nothing(name, passed, map);
            case "get" ->
                    passed -> {
                        Object key = passed.known(name, 2, List.of()).get(0, "", null);
                        return map.containsKey(key) ? map.get(key) : passed.get(1, "", null);
                    };
            case "update", "pop", "popitem", "clear", "setdefault" -> changing(name);
            default -> null;
        };
    }

    private static Callee ofList(List<?> list, String name) {
        return switch (name) {
            case "count" ->
                    passed ->
                            list.stream()
                                    .filter(e -> PyValues.isEqual(e, passed.get(0, "", null)))
                                    .count();
            case "index" ->
                    passed -> {
                        for (int i = 0; i < list.size(); i++) {
                            if (PyValues.isEqual(list.get(i), passed.get(0, "", null))) {
                                return (long) i;
                            }
                        }
                        throw new TemplateException("asks for the place of what is not there");
                    };
            case "copy" -> passed -> nothing(name, passed, list);
            case "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse" ->
                    changing(name);
            default -> null;
        };
    }

    private static Callee changing(String name) {
        return _ -> {
            throw new TemplateException("calls '" + name + "', which would change a value");
        };
    }

    private static Object nothing(String name, Arguments passed, Object answer) {
        passed.known(name, 0, List.of());
        return answer;
    }

    static List<Object> items(Map<?, ?> map) {
        List<Object> items = new ArrayList<>();
        map.forEach((key, value) -> {
            List<Object> pair = new ArrayList<>();
            Collections.addAll(pair, Objects.requireNonNull(key), value);
            items.add(new Tuple(pair));
        });
        return items;
    }
}
