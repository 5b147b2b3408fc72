package io.millrace.model.text.data;

import java.util.Arrays;

/** A growing run of ints. */
final class IntSequence {
    private int[] values = new int[1024];
    private int size;

    void add(int value) {
        reserve(1);
        values[size++] = value;
    }

    void addAll(int[] more) {
        reserve(more.length);
        System.arraycopy(more, 0, values, size, more.length);
        size += more.length;
    }

    int size() {
        return size;
    }

    int last() {
        return values[size - 1];
    }

    int[] toArray() {
        return Arrays.copyOf(values, size);
    }

    private void reserve(int more) {
        int needed = Math.addExact(size, more);
        if (needed > values.length) {
            long doubled = Math.min(2L * values.length, Integer.MAX_VALUE - 8L);
            values = Arrays.copyOf(values, Math.max(needed, (int) doubled));
        }
    }
}
