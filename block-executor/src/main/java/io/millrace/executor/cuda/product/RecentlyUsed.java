package io.millrace.executor.cuda.product;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The values that were used last, of which there are never more than so many: the one that was not
 * used for longest makes way. For use by one thread.
 */
final class RecentlyUsed<K, V> implements AutoCloseable {
    private final int most;
    private final Consumer<V> closer;
    private final Map<K, V> values = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Nothing yet.
     *
     * @param most how many are kept
     * @param closer what is done with each that is not kept
     */
    RecentlyUsed(int most, Consumer<V> closer) {
        this.most = most;
        this.closer = closer;
    }

    /** A value, which counts as a use; null where it is not kept. */
    V get(K key) {
        return values.get(key);
    }

    /** Keeps a value that was not there. */
    void put(K key, V value) {
        if (values.size() == most) {
            Iterator<V> oldest = values.values().iterator();
            closer.accept(oldest.next());
            oldest.remove();
        }
        values.put(key, value);
    }

    @Override
    public void close() {
        values.values().forEach(closer);
        values.clear();
    }
}
