package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;

/**
 * Launches of the kernels on one stream, in the thread whose context is the device's. Each method
 * hands over one launch for all scales and returns; nothing is allocated.
 */
@SuppressWarnings("EnumOrdinal") // kernels of a kind follow each other
public final class DeviceKernels implements AutoCloseable {
    /** Bytes that a row's loss takes on its way: the sum of exponentials, maximum, target. */
    public static final int ROW_LOSS_BYTES = 16;

    private static final int PER_THREAD = 8; // elements, as in common.cuh
    private static final int BLOCK = 256;
    private static final int PROGRAM_BLOCK = 128; // as in pass.cuh
    private static final int WARP = 32;
    private static final int NORM_BLOCK = 512;

    /** Entry points of the image. */
    private enum Kernel {
        FORM,
        FORM_MASKED,
        FORM_PROGRAM,
        ROWS,
        ROWS_MASKED,
        ROWS_PROGRAM,
        NORM,
        ACTIVATE,
        ROTATE,
        PICK,
        LOSS
    }

    private final CudaApi api;
    private final long module;
    private final KernelLaunches<Kernel> launches;
    private final KernelArguments arguments;
    private final PackedKernels packed;

    /**
     * Loads an image.
     *
     * @param api the driver
     * @param image what was compiled from the kernel files for the current device
     * @param stream where launches go
     */
    public DeviceKernels(CudaApi api, byte[] image, long stream) {
        this.api = api;
        module = api.loadModule(image);
        try {
            launches = new KernelLaunches<>(Kernel.class, api, module, stream);
            packed = new PackedKernels(api, module, stream);
        } catch (RuntimeException | Error e) {
            api.unloadModule(module);
            throw e;
        }
        arguments = launches.arguments();
    }

    /** The loaded image. */
    public long module() {
        return module;
    }

    /** What reads tensors that are stored in fewer bits. */
    public PackedKernels packed() {
        return packed;
    }

    /**
     * Folds consecutive elements of a tensor and writes θ + s z of them for every scale; of one
     * that is stored in fewer bits it makes whole rows, which all scales see as they are.
     *
     * @param pass the direction and the scales
     * @param program what brings the stored elements up to date
     * @param tensor the tensor
     * @param stores whether they are stored where the program says so
     * @param first the first element
     * @param count how many
     * @param out where the first scale's go; 0 only folds
     * @param outStride elements from one scale's to the next
     * @param outType F32, F16 or BF16
     */
    public void form(
            WeightPass pass,
            FoldProgram program,
            DeviceTensor tensor,
            boolean stores,
            long first,
            long count,
            long out,
            long outStride,
            DType outType) {
        if (!tensor.isPlain()) {
            pass.requireStill(program);
            PackedKernels.Given same = PackedKernels.Given.none(pass.scales().size());
            packed.form(tensor, same, first, count, out, outStride, outType);
            return;
        }
        pass.pack(arguments, program, tensor, stores)
                .int64(out)
                .int64(outStride)
                .int64(first)
                .int64(count)
                .int32(KernelCodes.of(outType))
                .int32(0);
        Kernel kernel = way(Kernel.FORM, pass, program);
        int block = kernel == Kernel.FORM_PROGRAM ? PROGRAM_BLOCK : BLOCK;
        long threads = Math.ceilDiv(count, PER_THREAD);
        launch(kernel, Math.toIntExact(Math.ceilDiv(threads, block)), 1, 1, block);
    }

    /** One of three that lie side by side: sums, sums over a mask's elements, programs. */
    private static Kernel way(Kernel first, WeightPass pass, FoldProgram program) {
        boolean programs = program.elementwise() || pass.shape().count() > 0;
        int way = programs ? 2 : pass.mask().masks() ? 1 : 0;
        return Kernel.values()[first.ordinal() + way];
    }

    /**
     * Looks rows of a table up, perturbed; the table stays as it is.
     *
     * @param ids address of the row numbers, int32
     * @param idOffset added to each
     * @param rows how many
     * @param width columns of the table
     * @param factor on each row
     * @param accumulate whether to add to what is in {@code out}
     * @param out contiguous rows of every scale
     */
    public void rows(
            WeightPass pass,
            FoldProgram program,
            DeviceTensor tensor,
            long ids,
            int idOffset,
            int rows,
            int width,
            float factor,
            boolean accumulate,
            DeviceMatrix out) {
        if (!tensor.isPlain()) {
            pass.requireStill(program);
            int scales = pass.scales().size();
            packed.rows(tensor, ids, idOffset, rows, width, factor, accumulate, scales, out);
            return;
        }
        pass.pack(arguments, program, tensor, false)
                .int64(out.address())
                .int64(ids)
                .int64(out.stride())
                .int32(idOffset)
                .int32(rows)
                .int32(width)
                .int32(KernelCodes.of(out.type()))
                .int32(accumulate ? 1 : 0)
                .float32(factor);
        Kernel kernel = way(Kernel.ROWS, pass, program);
        int most = kernel == Kernel.ROWS_PROGRAM ? PROGRAM_BLOCK : BLOCK;
        int threads = Math.min(most, roundUp(Math.ceilDiv(width, PER_THREAD), WARP));
        launch(kernel, rows, Math.ceilDiv(width, PER_THREAD * threads), 1, threads);
    }

    /**
     * Norms rows, or pieces of rows.
     *
     * @param spec kind, width, epsilon and weight offset
     * @param in rows to norm
     * @param pick address of which row of {@code in} each row takes, or 0 for the same
     * @param weight float32 factors of the first scale; those of the next follow
     * @param bias summands, or 0
     * @param out normed rows; may be {@code in}
     * @param accumulate whether to add to what is in {@code out}
     * @param rows how many
     * @param pieces pieces of a row that are normed by themselves
     * @param pieceStride elements from a piece to the next
     * @param scales how many scales
     */
    public void norm(
            NormSpec spec,
            DeviceMatrix in,
            long pick,
            long weight,
            long bias,
            DeviceMatrix out,
            boolean accumulate,
            int rows,
            int pieces,
            int pieceStride,
            int scales) {
        arguments
                .begin()
                .int64(in.address())
                .int64(out.address())
                .int64(weight)
                .int64(bias)
                .int64(pick)
                .int64(in.stride())
                .int64(in.rowStride())
                .int64(out.stride())
                .int64(out.rowStride())
                .int64(spec.width())
                .int32(pieces)
                .int32(pieceStride)
                .int32(spec.width())
                .int32(KernelCodes.of(spec.kind()))
                .int32(KernelCodes.of(in.type()))
                .int32(KernelCodes.of(out.type()))
                .int32(accumulate ? 1 : 0)
                .float32(spec.epsilon())
                .float32(spec.weightOffset())
                .int32(0);
        int threads = roundUp(Math.ceilDiv(spec.width(), PER_THREAD), WARP);
        launch(Kernel.NORM, rows * pieces, scales, 1, Math.min(NORM_BLOCK, threads));
    }

    /**
     * {@code x = activation(x + bias)}, in place.
     *
     * @param activation null for none
     * @param bias float32 of the first scale, those of the next follow; or 0
     */
    public void activate(
            Activation activation, DeviceMatrix x, long bias, int rows, int width, int scales) {
        int code = activation == null ? KernelCodes.NO_ACTIVATION : KernelCodes.of(activation);
        activate(code, x, 0, bias, width, 0, 0, rows, width, scales);
    }

    /**
     * {@code x = x + bias}, in place.
     *
     * @param bias float32 of the first scale
     * @param stride floats from a scale's to the next
     */
    public void addBias(DeviceMatrix x, long bias, long stride, int rows, int width, int scales) {
        activate(KernelCodes.NO_ACTIVATION, x, 0, bias, stride, 0, 0, rows, width, scales);
    }

    /** {@code gate = activation(gate + gateBias) · (up + upBias)}; both matrices lie alike. */
    public void gated(
            Activation activation,
            DeviceMatrix gate,
            long gateBias,
            DeviceMatrix up,
            long upBias,
            int rows,
            int width,
            int scales) {
        activate(
                KernelCodes.of(activation),
                gate,
                up.address(),
                gateBias,
                width,
                upBias,
                0,
                rows,
                width,
                scales);
    }

    /** {@code x = cap · tanh(x / cap)}, in place. */
    public void softcap(float cap, DeviceMatrix x, int rows, int width, int scales) {
        activate(KernelCodes.SOFTCAP, x, 0, 0, 0, 0, cap, rows, width, scales);
    }

    /** {@code x = factor · x}, in place. */
    public void scale(float factor, DeviceMatrix x, int rows, int width, int scales) {
        activate(KernelCodes.TIMES, x, 0, 0, 0, 0, factor, rows, width, scales);
    }

    private void activate(
            int activation,
            DeviceMatrix x,
            long up,
            long bias,
            long biasStride,
            long upBias,
            float cap,
            int rows,
            int width,
            int scales) {
        arguments
                .begin()
                .int64(x.address())
                .int64(up)
                .int64(bias)
                .int64(upBias)
                .int64(x.stride())
                .int64(x.rowStride())
                .int64(biasStride)
                .int64(width)
                .int32(rows)
                .int32(width)
                .int32(KernelCodes.of(x.type()))
                .int32(activation)
                .float32(cap)
                .int32(0);
        launch(Kernel.ACTIVATE, pieces(rows, width), scales, 1, BLOCK);
    }

    /** Copies rows into another type; {@code pick} as in {@link #norm}. */
    public void pick(
            DeviceMatrix in, long pick, DeviceMatrix out, int rows, int width, int scales) {
        arguments
                .begin()
                .int64(in.address())
                .int64(out.address())
                .int64(pick)
                .int64(in.stride())
                .int64(in.rowStride())
                .int64(out.stride())
                .int64(out.rowStride())
                .int32(rows)
                .int32(width)
                .int32(KernelCodes.of(in.type()))
                .int32(KernelCodes.of(out.type()));
        launch(Kernel.PICK, pieces(rows, width), scales, 1, BLOCK);
    }

    /**
     * Turns query and key heads in place.
     *
     * @param heads where the heads lie
     * @param rope which elements of a head turn, and in what pairs
     * @param projected rows of projections
     * @param table address of the cosines and sines
     * @param positions address of the position of each row, int32
     */
    public void rotate(
            HeadsSpec heads,
            RopeSpec rope,
            DeviceMatrix projected,
            long table,
            long positions,
            int rows,
            int scales) {
        int half = rope.dims() / 2;
        arguments
                .begin()
                .int64(projected.address())
                .int64(table)
                .int64(positions)
                .int64(projected.stride())
                .int64(projected.rowStride())
                .int32(rows)
                .int32(half)
                .int32(heads.queries().count())
                .int32(heads.keys().count())
                .int32(heads.queries().start())
                .int32(heads.queries().stride())
                .int32(heads.keys().start())
                .int32(heads.keys().stride())
                .int32(heads.queries().group())
                .int32(heads.queries().inner())
                .int32(KernelCodes.of(projected.type()))
                .int32(rope.neighbours() ? 1 : 0);
        long items = (long) rows * (heads.queries().count() + heads.keys().count()) * half;
        launch(Kernel.ROTATE, blocks(items), scales, 1, BLOCK);
    }

    /**
     * Takes a panel of logits into the rows' losses.
     *
     * @param logits float32 [rows, width]
     * @param targets address of the id that each row should predict, int32
     * @param losses address of the first scale's rows
     * @param lossStride rows from a scale's to the next
     * @param firstId the id of the panel's first column
     * @param cap of {@code cap · tanh(x / cap)}, 0 for none
     */
    public void loss(
            DeviceMatrix logits,
            long targets,
            long losses,
            long lossStride,
            int rows,
            int width,
            int firstId,
            float cap,
            int scales) {
        arguments
                .begin()
                .int64(logits.address())
                .int64(targets)
                .int64(losses)
                .int64(logits.stride())
                .int64(logits.rowStride())
                .int64(lossStride)
                .int32(width)
                .int32(firstId)
                .int32(firstId == 0 ? 1 : 0)
                .float32(cap);
        int threads = roundUp(Math.ceilDiv(width, PER_THREAD), WARP);
        launch(Kernel.LOSS, rows, scales, 1, Math.min(BLOCK, threads));
    }

    private static int pieces(int rows, int width) {
        return blocks((long) rows * Math.ceilDiv(width, PER_THREAD));
    }

    private static int blocks(long threads) {
        return KernelLaunches.blocks(threads, BLOCK);
    }

    private static int roundUp(int value, int step) {
        return Math.ceilDiv(value, step) * step;
    }

    private void launch(Kernel kernel, int x, int y, int z, int threads) {
        launches.launch(kernel, x, y, z, threads);
    }

    @Override
    public void close() {
        packed.close();
        launches.close();
        api.unloadModule(module);
    }
}
