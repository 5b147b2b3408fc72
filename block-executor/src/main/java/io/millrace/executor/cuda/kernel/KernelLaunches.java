package io.millrace.executor.cuda.kernel;

import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import java.util.Locale;

/**
 * Launches of some kernels of an image on one stream, in the thread whose context is the device's.
 * An entry point is named as its constant, in small letters behind {@code millrace_}.
 */
@SuppressWarnings("EnumOrdinal") // kernels index their handles: a map would look each launch up
final class KernelLaunches<K extends Enum<K>> implements AutoCloseable {
    private final CudaApi api;
    private final long stream;
    private final long[] functions;
    private final KernelArguments arguments = new KernelArguments();

    /**
     * Finds the kernels.
     *
     * @param kernels which
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     */
    KernelLaunches(Class<K> kernels, CudaApi api, long module, long stream) {
        this.api = api;
        this.stream = stream;
        K[] all = kernels.getEnumConstants();
        functions = new long[all.length];
        try {
            for (K kernel : all) {
                String symbol = "millrace_" + kernel.name().toLowerCase(Locale.ROOT);
                functions[kernel.ordinal()] = api.function(module, symbol);
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** What the next launch hands over, to be written anew for each. */
    KernelArguments arguments() {
        return arguments;
    }

    /** Hands over one launch and returns; blocks have one axis of threads. */
    void launch(K kernel, int x, int y, int z, int threads) {
        api.launchKernel(functions[kernel.ordinal()], x, y, z, threads, 1, 1, 0, stream, arguments);
    }

    /** Blocks of so many threads each, for so many threads at least. */
    static int blocks(long threads, int block) {
        return Math.toIntExact(Math.ceilDiv(threads, block));
    }

    @Override
    public void close() {
        arguments.close();
    }
}
