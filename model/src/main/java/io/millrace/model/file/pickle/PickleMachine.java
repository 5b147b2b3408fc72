package io.millrace.model.file.pickle;

import java.util.ArrayList;
import java.util.List;

/** The stack and the memo of a pickle, bounded in what they hold. */
final class PickleMachine {
    /**
     * Values that a pickle may make: some thirty a tensor. With the 64 MiB that a pickle may have
     * it keeps what is held below half a gigabyte.
     */
    private static final int MAX_VALUES = 8_000_000;

    private final List<Object> stack = new ArrayList<>();
    private final List<Object> memo = new ArrayList<>();
    private int made;

    /** What no pickle makes. */
    private enum Mark {
        MARK
    }

    void push(Object value) {
        if (++made > MAX_VALUES) {
            throw new PickleFormatException("makes more than " + MAX_VALUES + " values");
        }
        stack.add(value);
    }

    void mark() {
        push(Mark.MARK);
    }

    Object pop() {
        if (stack.isEmpty() || stack.getLast() instanceof Mark) {
            throw new PickleFormatException("takes a value that is not there");
        }
        return stack.removeLast();
    }

    Object top() {
        Object top = pop();
        stack.add(top);
        return top;
    }

    boolean isEmpty() {
        return stack.isEmpty();
    }

    /** Takes the uppermost values, in the order in which they came. */
    Object[] pop(int count) {
        Object[] values = new Object[count];
        for (int i = count - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return values;
    }

    /** Takes all down to the last mark, and the mark. */
    Object[] popToMark() {
        int mark = stack.lastIndexOf(Mark.MARK);
        if (mark < 0) {
            throw new PickleFormatException("takes values down to a mark that is not there");
        }
        List<Object> above = stack.subList(mark + 1, stack.size());
        Object[] values = above.toArray();
        stack.subList(mark, stack.size()).clear();
        return values;
    }

    /** Remembers the top; numbers come in order, as every pickler gives them out. */
    void remember(long index) {
        Object top = top();
        if (index == memo.size()) {
            memo.add(top);
        } else if (index >= 0 && index < memo.size()) {
            memo.set((int) index, top);
        } else {
            throw new PickleFormatException("remembers value " + index + " out of order");
        }
    }

    void recall(long index) {
        if (index < 0 || index >= memo.size()) {
            throw new PickleFormatException("recalls value " + index + ", which it never had");
        }
        push(memo.get((int) index));
    }
}
