package io.millrace.model.text.jinja;

import java.util.List;

/** What {@code loop} tells of the loop that it stands in. */
final class LoopState {
    private final List<?> elements;
    private int index;
    private Object lastSeen;
    private boolean seen;

    /** A loop before its first element. */
    LoopState(List<?> elements) {
        this.elements = elements;
    }

    void at(int newIndex) {
        index = newIndex;
    }

    Object get(String name) {
        int count = elements.size();
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "revindex" -> (long) count - index;
            case "revindex0" -> count - index - 1L;
            case "first" -> index == 0;
            case "last" -> index == count - 1;
            case "length" -> (long) count;
            // Of loops that call themselves alone, which are refused.
            case "depth" -> 1L;
            case "depth0" -> 0L;
            case "previtem" -> index > 0 ? elements.get(index - 1) : new Undefined("previtem");
            case "nextitem" ->
                    index + 1 < count ? elements.get(index + 1) : new Undefined("nextitem");
            case "cycle" ->
                    (Callee)
                            passed -> {
                                if (passed.positional().isEmpty()) {
                                    throw new TemplateException("cycles through nothing");
                                }
                                return passed.positional().get(index % passed.positional().size());
                            };
            case "changed" -> (Callee) passed -> hasChanged(passed.positional());
            default -> new Undefined(name);
        };
    }

    private boolean hasChanged(List<Object> values) {
        Object now = new Tuple(values);
        boolean changed = !seen || !PyValues.isEqual(lastSeen, now);
        seen = true;
        lastSeen = now;
        return changed;
    }
}
