package io.millrace.bench;

import io.millrace.executor.cuda.CudaKit;
import io.millrace.executor.cuda.CudaKits;
import io.millrace.executor.cuda.CudaMatmul;
import io.millrace.executor.cuda.MatmulShape;
import io.millrace.memory.DType;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;

/** What the library's matrix products reach on a card, alone, on the shapes of a model's layers. */
final class GemmRate {
    private static final int ROUNDS = 7;
    private static final int PRODUCTS = 10;
    private static final int SIGNS = 2;

    private final CudaDevice device;
    private final DType type;

    GemmRate(CudaDevice device, DType type) {
        this.device = device;
        this.type = type;
    }

    /**
     * Seconds of all products of one step, each at the best rate that its shape reaches alone.
     *
     * @param tokens rows of each product
     */
    double stepSeconds(ModelShape model, int tokens) {
        double attention = 4.0 * seconds(tokens, model.hidden(), model.hidden());
        double up = seconds(tokens, model.feedForward(), model.hidden());
        double down = seconds(tokens, model.hidden(), model.feedForward());
        // The head is cut into panels, for its logits are larger than everything else.
        int panel = Math.min(model.vocabulary(), 8192);
        double head = seconds(tokens, panel, model.hidden()) * model.vocabulary() / panel;
        return model.layers() * (attention + up + down) + head;
    }

    /** Seconds of one product for both signs of a probe. */
    private double seconds(int rows, int outputs, int inputs) {
        CudaKit kit = CudaKits.current();
        device.makeCurrent();
        long module = device.api().loadModule(kit.image(device.api(), device.ordinal()));
        long size = type.sizeBytes();
        try (DeviceBuffer work = device.allocate("workspace", Math.max(1, kit.workspaceBytes()));
                DeviceBuffer x = device.allocate("x", SIGNS * size * rows * inputs);
                DeviceBuffer w = device.allocate("w", SIGNS * size * outputs * inputs);
                DeviceBuffer y = device.allocate("y", SIGNS * size * rows * outputs);
                DeviceEvent begin = device.newEvent();
                DeviceEvent end = device.newEvent();
                CudaMatmul matmul =
                        kit.matmul(
                                device.api(), module, device.compute().handle(), work.address())) {
            MatmulShape shape =
                    new MatmulShape(
                            rows,
                            outputs,
                            inputs,
                            false,
                            inputs,
                            inputs,
                            outputs,
                            SIGNS,
                            (long) rows * inputs,
                            (long) outputs * inputs,
                            (long) rows * outputs,
                            type,
                            type,
                            false);
            double best = Double.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                device.compute().record(begin);
                for (int i = 0; i < PRODUCTS; i++) {
                    matmul.multiply(shape, x.address(), w.address(), y.address(), 1);
                }
                device.compute().record(end);
                end.synchronize();
                best = Math.min(best, (end.timeNs() - begin.timeNs()) / 1e9 / PRODUCTS);
            }
            return best;
        } finally {
            device.api().unloadModule(module);
        }
    }
}
