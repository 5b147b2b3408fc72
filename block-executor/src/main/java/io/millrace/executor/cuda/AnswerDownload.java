package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Brings losses and logits from the device to a sink; the only place where a step waits. */
final class AnswerDownload implements AutoCloseable {
    private final Device device;
    private final CudaApi api;
    private final long stream;
    private final DeviceScratch scratch;
    private final DeviceEvent arrived;
    private double[] losses = new double[0];

    /**
     * For one device.
     *
     * @param stream the handle of its compute stream
     */
    AnswerDownload(Device device, CudaApi api, long stream, DeviceScratch scratch) {
        this.device = device;
        this.api = api;
        this.stream = stream;
        this.scratch = scratch;
        arrived = device.newEvent();
    }

    /** Waits until everything handed to the compute stream is done. */
    void awaitStep() {
        device.compute().record(arrived);
        arrived.synchronize();
    }

    /** Copies from the device to the staging memory, and waits. */
    MemorySegment fetch(long address, long bytes) {
        MemorySegment place = scratch.staging().segment().asSlice(0, bytes);
        api.copyDtoH(place, address, stream);
        awaitStep();
        return place;
    }

    /** Copies from the device to pinned memory, and waits. */
    void fetch(long address, MemorySegment pinned) {
        api.copyDtoH(pinned, address, stream);
        awaitStep();
    }

    /** Hands every loss of a forward to the sink, in order of query and micro-batch. */
    void losses(ForwardRequest request, List<List<BatchUpload.Tables>> all, HeadSink sink) {
        int scales = request.firstScale(request.queries().size());
        long rows = (long) scales * scratch.lossRows();
        MemorySegment fetched =
                fetch(scratch.address(Part.LOSSES), rows * DeviceKernels.ROW_LOSS_BYTES);
        for (int query = 0; query < request.queries().size(); query++) {
            List<BatchUpload.Tables> batches = ForwardRequest.ofQuery(all, query);
            for (int index = 0; index < batches.size(); index++) {
                int count = batches.get(index).headRows();
                for (int scale = 0; scale < request.queries().get(query).scales().size(); scale++) {
                    long first =
                            (long) (request.firstScale(query) + scale) * scratch.lossRows()
                                    + batches.get(index).firstHeadRow();
                    sink.losses(query, scale, index, read(fetched, first, count), count);
                }
            }
        }
    }

    private double[] read(MemorySegment all, long first, int count) {
        if (losses.length < count) {
            losses = new double[count];
        }
        for (int row = 0; row < count; row++) {
            long at = (first + row) * DeviceKernels.ROW_LOSS_BYTES;
            double sum = all.get(ValueLayout.JAVA_DOUBLE, at);
            float largest = all.get(ValueLayout.JAVA_FLOAT, at + 8);
            float target = all.get(ValueLayout.JAVA_FLOAT, at + 12);
            losses[row] = StrictMath.log(sum) + largest - target;
        }
        return losses;
    }

    /** Copies rows of logits to the sink's memory. */
    void logits(long address, int rows, int width, Variants to, int firstRow) {
        long bytes = (long) width * Float.BYTES;
        for (int row = 0; row < rows; row++) {
            MemorySegment from = fetch(address + row * bytes, bytes);
            long at = (to.base().start() + (firstRow + row) * to.rowStride()) * Float.BYTES;
            MemorySegment.copy(from, 0, to.base().segment(), at, bytes);
        }
    }

    /** Takes the likeliest id of rows of logits, and hands it to the sink. */
    void choices(long address, int rows, int width, HeadSink sink, int query, int microBatch) {
        int[] ids = new int[rows];
        long bytes = (long) width * Float.BYTES;
        for (int row = 0; row < rows; row++) {
            ids[row] = likeliest(fetch(address + row * bytes, bytes), width);
        }
        sink.choices(query, 0, microBatch, ids, rows);
    }

    /** The first of the largest; none where that is no number, or nothing is one. */
    private static int likeliest(MemorySegment logits, int width) {
        int best = HeadSink.NO_CHOICE;
        float largest = Float.NEGATIVE_INFINITY;
        for (int id = 0; id < width; id++) {
            float logit = logits.getAtIndex(ValueLayout.JAVA_FLOAT, id);
            if (logit > largest) {
                largest = logit;
                best = id;
            }
        }
        return Float.isFinite(largest) ? best : HeadSink.NO_CHOICE;
    }

    @Override
    public void close() {
        arrived.close();
    }
}
