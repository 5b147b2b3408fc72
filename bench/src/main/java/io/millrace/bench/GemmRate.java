package io.millrace.bench;

import io.millrace.executor.cuda.kernel.DeviceKit;
import io.millrace.executor.cuda.kernel.DeviceKits;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.Tier;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** What the library's matrix products reach on a card, alone, on the shapes of a model's layers. */
final class GemmRate implements AutoCloseable {
    private static final int ROUNDS = 7;
    private static final int PRODUCTS = 10;
    private static final int SIGNS = 2;
    private static final long PATTERN_BYTES = 16L << 20;

    private final CudaDevice device;
    private final DType type;
    private final DType in;
    private final DeviceBuffer ones;
    private final MatmulScales scales;
    private final long module;
    private final DeviceBuffer workspace;
    private final DeviceMatmul matmul;
    private final HostSlab pattern;

    /**
     * Opens the library.
     *
     * @param type of the matrices
     * @param products what they compute on
     */
    GemmRate(CudaDevice device, DType type, Matmul products) {
        this.device = device;
        this.type = type;
        in = products == Matmul.FP8 ? MatmulShape.E4M3 : type;
        device.makeCurrent();
        DeviceKit kit = DeviceKits.current();
        module = device.api().loadModule(kit.image(device.api(), device.ordinal()));
        workspace = device.allocate("workspace", Math.max(1, kit.workspaceBytes()));
        long stream = device.compute().handle();
        matmul = kit.matmul(device.api(), module, stream, workspace.address(), products);
        HostMemory host = new HostMemory(Ledger.unlimited(), Tier.HOST, device.pinning());
        pattern = host.allocatePinned("numbers to multiply", PATTERN_BYTES);
        ones = device.allocate("scales", Float.BYTES);
        pattern.segment().set(ValueLayout.JAVA_FLOAT, 0, 1f);
        device.compute().copyH2D(pattern.segment().asSlice(0, Float.BYTES), ones, 0);
        device.compute().synchronize();
        boolean scaled = in == MatmulShape.E4M3;
        scales = scaled ? new MatmulScales(ones.address(), ones.address()) : MatmulScales.NONE;
        fill(pattern.segment());
    }

    /** A card that multiplies zeros takes less power and so clocks higher than it ever will. */
    private void fill(MemorySegment bytes) {
        SplittableRandom random = new SplittableRandom(1);
        long count = bytes.byteSize() / in.sizeBytes();
        for (long i = 0; i < count; i++) {
            float value = (float) random.nextDouble(-1, 1);
            switch (in) {
                case U8 -> {
                    int size = (int) (Math.abs(value) * 0x7F); // any but NaN
                    bytes.set(ValueLayout.JAVA_BYTE, i, (byte) (value < 0 ? size | 0x80 : size));
                }
                case F32 -> bytes.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
                case F16 ->
                        bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
                default -> {
                    int high = Float.floatToRawIntBits(value) >>> 16;
                    bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) high);
                }
            }
        }
    }

    /**
     * Seconds of all products of one step, each at the best rate that its shape reaches alone.
     *
     * @param tokens rows of each product
     */
    double stepSeconds(OptShape model, int tokens) {
        double one = seconds(tokens, model.hidden(), model.hidden());
        // Query, key and value may also be one product.
        double three = Math.min(3 * one, seconds(tokens, 3 * model.hidden(), model.hidden()));
        double up = seconds(tokens, model.feedForward(), model.hidden());
        double down = seconds(tokens, model.hidden(), model.feedForward());
        // The head is cut into panels, for its logits are larger than everything else.
        int panel = Math.min(model.vocabulary(), 8192);
        double head = seconds(tokens, panel, model.hidden()) * model.vocabulary() / panel;
        return model.layers() * (three + one + up + down) + head;
    }

    /** Seconds of one product for both signs of a query. */
    private double seconds(int rows, int outputs, int inputs) {
        try (DeviceBuffer x = numbers("x", in, (long) rows * inputs);
                DeviceBuffer w = numbers("w", in, (long) outputs * inputs);
                DeviceBuffer y = numbers("y", type, (long) rows * outputs);
                DeviceEvent begin = device.newEvent();
                DeviceEvent end = device.newEvent()) {
            // As the engine asks: of E4M3 a product is of one sign.
            int together = in == MatmulShape.E4M3 ? 1 : SIGNS;
            MatmulShape shape =
                    new MatmulShape(
                            rows,
                            outputs,
                            inputs,
                            false,
                            inputs,
                            inputs,
                            outputs,
                            together,
                            (long) rows * inputs,
                            (long) outputs * inputs,
                            (long) rows * outputs,
                            in,
                            type,
                            false);
            double best = Double.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                device.compute().record(begin);
                for (int i = 0; i < PRODUCTS * SIGNS / together; i++) {
                    matmul.multiply(shape, x.address(), w.address(), scales, y.address(), 1);
                }
                device.compute().record(end);
                end.synchronize();
                best = Math.min(best, (end.timeNs() - begin.timeNs()) / 1e9 / PRODUCTS);
            }
            return best;
        }
    }

    /** A matrix for each sign. */
    private DeviceBuffer numbers(String purpose, DType dtype, long elements) {
        long bytes = SIGNS * elements * dtype.sizeBytes();
        DeviceBuffer buffer = device.allocate(purpose, bytes);
        for (long at = 0; at < bytes; at += PATTERN_BYTES) {
            MemorySegment part = pattern.segment().asSlice(0, Math.min(PATTERN_BYTES, bytes - at));
            device.compute().copyH2D(part, buffer, at);
        }
        device.compute().synchronize();
        return buffer;
    }

    @Override
    public void close() {
        try {
            device.compute().synchronize();
        } finally {
            matmul.close();
            pattern.close();
            ones.close();
            workspace.close();
            device.makeCurrent();
            device.api().unloadModule(module);
        }
    }
}
