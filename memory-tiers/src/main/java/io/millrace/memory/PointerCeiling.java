package io.millrace.memory;

import java.util.List;
import java.util.Properties;

/**
 * JavaCPP's own bounds on native memory, which Bytedeco's presets live under: a small multiple of
 * the Java heap, held against everything that is resident in the process. Memory here is bounded by
 * budgets and lies outside the heap, so that any allocation of a preset would fail once the process
 * is larger than that.
 */
public final class PointerCeiling {
    private static final List<String> BOUNDS =
            List.of("org.bytedeco.javacpp.maxBytes", "org.bytedeco.javacpp.maxPhysicalBytes");

    private PointerCeiling() {}

    /**
     * Takes the bounds away, unless somebody has set them. They are read once, when the first class
     * of JavaCPP is initialised: whoever causes that calls this before.
     */
    public static void lift() {
        lift(System.getProperties());
    }

    static void lift(Properties properties) {
        // To JavaCPP, 0 is no bound.
        BOUNDS.forEach(bound -> properties.putIfAbsent(bound, "0"));
    }
}
