package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import java.util.HashMap;
import java.util.Map;

/**
 * Makes numbers of matrices that are stored in fewer bits, on one stream, in the thread whose
 * context is the device's: the processor's own in float32, or those rounded to nearest. Such a
 * matrix is only read, and so all scales of a query see the same, unless its scales are tuned.
 */
public final class PackedKernels implements AutoCloseable {
    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;

    /**
     * Scales of matrices that a query perturbs, float32 in the order of those that are stored.
     *
     * @param address of the first scale's of the query; 0 for those that are stored
     * @param stride elements from a scale's to the next
     * @param scales how many the query has
     */
    public record Given(long address, long stride, int scales) {
        /** Of a query whose scales all see the stored ones. */
        static Given none(int scales) {
            return new Given(0, 0, scales);
        }
    }

    private final KernelLaunches<PackedForm.Kernel> launches;
    private final Map<TensorFormat, PackedForm> forms = new HashMap<>();

    /**
     * Finds the kernels.
     *
     * @param api the driver
     * @param module the loaded image; stays its owner's
     * @param stream where launches go
     */
    PackedKernels(CudaApi api, long module, long stream) {
        launches = new KernelLaunches<>(PackedForm.Kernel.class, api, module, stream);
    }

    /** Whether there is a kernel for tensors that are stored so, plain ones left out. */
    public static boolean reads(TensorFormat format) {
        return PackedForm.of(format).isPresent();
    }

    private PackedForm form(TensorFormat format) {
        return forms.computeIfAbsent(
                format,
                some ->
                        PackedForm.of(some)
                                .orElseThrow(() ->
                                        new IllegalArgumentException(
                                                "no kernel reads " + some.name())));
    }

    /**
     * Makes consecutive whole rows.
     *
     * @param tensor the matrix
     * @param first element, which begins a row
     * @param count elements, whole rows
     * @param out where they go, without gaps
     * @param type F32, F16 or BF16
     */
    public void form(DeviceTensor tensor, long first, long count, long out, DType type) {
        form(tensor, Given.none(1), first, count, out, 0, type);
    }

    /**
     * The same for every scale of a query with scales of its own.
     *
     * @param given what takes the place of the stored scales
     * @param outStride elements from one scale's to the next
     */
    public void form(
            DeviceTensor tensor,
            Given given,
            long first,
            long count,
            long out,
            long outStride,
            DType type) {
        PackedForm form = form(tensor.format());
        int columns = form.columns();
        if (first % columns != 0 || count % columns != 0) {
            throw new IllegalArgumentException(
                    count + " elements from " + first + " on, where a row has " + columns);
        }
        DeviceMatrix place = new DeviceMatrix(out, outStride, columns, type);
        int rows = Math.toIntExact(count / columns);
        launch(form, tensor, given, 0, first / columns, rows, columns, 1, false, place);
    }

    /**
     * Looks rows up.
     *
     * @param tensor the table
     * @param ids address of the row numbers, int32
     * @param idOffset added to each
     * @param rows how many
     * @param width columns of the table
     * @param factor on each row
     * @param accumulate whether to add to what is in {@code out}
     * @param scales how many see them
     * @param out contiguous rows of every scale
     */
    void rows(
            DeviceTensor tensor,
            long ids,
            int idOffset,
            int rows,
            int width,
            float factor,
            boolean accumulate,
            int scales,
            DeviceMatrix out) {
        PackedForm form = form(tensor.format());
        if (width % form.columns() != 0) {
            throw new IllegalArgumentException(
                    "rows of " + width + " elements, where a row has " + form.columns());
        }
        Given given = Given.none(scales);
        launch(form, tensor, given, ids, idOffset, rows, width, factor, accumulate, out);
    }

    private void launch(
            PackedForm form,
            DeviceTensor tensor,
            Given given,
            long ids,
            long firstRow,
            int rows,
            int width,
            float factor,
            boolean accumulate,
            DeviceMatrix out) {
        KernelArguments arguments =
                launches.arguments()
                        .begin()
                        .int64(tensor.address())
                        .int64(out.address())
                        .int64(ids)
                        .int64(given.address())
                        .int64(given.stride())
                        .int64(firstRow)
                        .int64(out.stride())
                        .int32(rows)
                        .int32(width)
                        .int32(given.scales())
                        .int32(KernelCodes.of(out.type()))
                        .int32(accumulate ? 1 : 0)
                        .float32(factor);
        form.told().accept(arguments);
        long threads = (long) rows * Math.ceilDiv(width, PER_THREAD);
        launches.launch(form.kernel(), KernelLaunches.blocks(threads, BLOCK), 1, 1, BLOCK);
    }

    @Override
    public void close() {
        launches.close();
    }
}
