package io.millrace.executor.cuda.dense;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.cuda.kernel.CudaRig;
import io.millrace.executor.cuda.kernel.DeviceKits;
import io.millrace.executor.cuda.kernel.DeviceMask;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.weight.DeviceForming;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.model.Checkpoint;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.Questions;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.MezoSgd;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A tensor on a device takes a step once: never in part, never twice, and never unnoticed. */
final class DeviceFormingTest {
    private static final int ROWS = 3;

    private HostKit kit;
    private CudaRig rig;
    private BlockLayout block;
    private Op.Linear operator;
    private LinearSpec matrix;
    private DeviceScratch scratch;
    private DeviceMatmul library;
    private FoldPrograms programs;
    private DeviceDensePasses passes;
    private float[] base;

    @BeforeEach
    void open() {
        kit = HostKit.install();
        rig = new CudaRig();
        ScratchSize size = ScratchSize.batches(1, 1, ROWS, Questions.each(1, 1));
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"))) {
            ModelProgram program = checkpoint.program();
            block = checkpoint.layout(DType.F32).block(1);
            operator =
                    program.layers().getFirst().ops().stream()
                            .filter(Op.Linear.class::isInstance)
                            .map(Op.Linear.class::cast)
                            .filter(linear -> linear.out().name().equals("up"))
                            .findFirst()
                            .orElseThrow();
            matrix = operator.matrices().getFirst();
            DeviceScratchPlan plan =
                    DeviceScratchPlan.of(
                            program,
                            checkpoint.layout(DType.F32),
                            size,
                            PanelSizes.DEFAULT,
                            0,
                            Optional.empty(),
                            false);
            DeviceBuffer passing = rig.own(DeviceScratch.passing(rig.device(), List.of(plan)));
            scratch = new DeviceScratch(rig.device(), rig.host(), program, size, plan, passing);
        }
        long stream = rig.device().compute().handle();
        library =
                DeviceKits.current()
                        .matmul(
                                rig.device().api(),
                                rig.kernels().module(),
                                stream,
                                0,
                                Matmul.NATIVE);
        programs = new FoldPrograms(rig.device(), rig.host(), 64, DeviceMask.NONE);
        passes =
                new DeviceDensePasses(
                        new DeviceDensePasses.Kernels(rig.kernels(), programs, Optional.empty()),
                        new DeviceGemm(library, Optional.empty()),
                        scratch,
                        new DeviceDensePasses.Along(
                                new GaussianDirection(), DeviceMask.NONE, Optional.empty()),
                        Rounding.NEAREST,
                        1);
        Random random = new Random(7);
        base = new float[Math.toIntExact(block.sizeBytes() / Float.BYTES)];
        for (int i = 0; i < base.length; i++) {
            base[i] = (float) random.nextGaussian();
        }
    }

    @AfterEach
    void close() {
        programs.close();
        library.close();
        scratch.close();
        rig.close();
        kit.close();
    }

    @Test
    void panelsThatMakeATensorFoldItOnce() {
        Stepped stepped = new Stepped();
        try (DeviceLinear.Product product = stepped.product()) {
            panels(product);
        }
        assertThat(stepped.visit.unfolded()).doesNotContain(stepped.tensor);
        assertThat(stepped.finish()).isEqualTo(new Stepped().finish()).isNotEqualTo(base);
    }

    @Test
    void soDoTheSamePanelsForMoreRows() {
        Stepped stepped = new Stepped();
        try (DeviceLinear.Product product = stepped.product()) {
            panels(product);
            panels(product);
        }
        assertThat(stepped.finish()).isEqualTo(new Stepped().finish());
    }

    @Test
    void aVectorIsFoldedOnceHoweverOftenItIsAskedFor() {
        Stepped stepped = new Stepped();
        String norm =
                block.tensors().stream().filter(slot -> slot.isVector()).findFirst().get().name();
        assertThat(stepped.visit.unfolded()).contains(stepped.visit.indexOf(norm));
        stepped.weights.vector(0, norm);
        assertThat(stepped.visit.unfolded()).doesNotContain(stepped.visit.indexOf(norm));
        stepped.weights.vector(1, norm);
        assertThat(stepped.finish()).isEqualTo(new Stepped().finish());
    }

    @Test
    void aProductOfWhichAPanelIsMissingIsRefused() {
        Stepped stepped = new Stepped();
        DeviceLinear.Product product = stepped.product();
        product.panel(0, matrix.outputs() - 1);
        assertThatThrownBy(product::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(matrix.weight());
        assertThat(stepped.visit.unfolded()).contains(stepped.tensor);
    }

    @Test
    void soIsOneWithoutAnyPanel() {
        Stepped stepped = new Stepped();
        assertThatThrownBy(stepped.product()::close).isInstanceOf(IllegalStateException.class);
        assertThat(stepped.visit.unfolded()).contains(stepped.tensor);
    }

    @Test
    void aPanelThatComesTwiceOrLeavesOthersOutIsRefusedBeforeItIsStored() {
        Stepped stepped = new Stepped();
        DeviceLinear.Product product = stepped.product();
        product.panel(0, 2);
        float[] before = stepped.read();
        for (int from : new int[] {0, 1, 3}) {
            assertThatThrownBy(() -> product.panel(from, 1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("does not follow");
        }
        assertThat(stepped.read()).isEqualTo(before);
    }

    @Test
    void nothingIsMarkedBeforeTheEnd() {
        Stepped stepped = new Stepped();
        try (DeviceForming forming =
                passes.forming(
                        stepped.visit,
                        stepped.tensor,
                        stepped.weights.seen(stepped.tensor).getFirst())) {
            long elements = stepped.visit.slot(stepped.tensor).elementCount();
            forming.range(0, elements, 0, 0, DType.F32);
            assertThat(forming.isWhole()).isTrue();
            assertThat(stepped.visit.unfolded()).contains(stepped.tensor);
        }
        assertThat(stepped.visit.unfolded()).doesNotContain(stepped.tensor);
    }

    private void panels(DeviceLinear.Product product) {
        int first = matrix.outputs() / 3;
        product.panel(0, first);
        product.panel(first, matrix.outputs() - first);
    }

    /** A block on the device, and its only visit in a step that has one update to fold. */
    private final class Stepped {
        final CudaRig.Place bytes = rig.values(DType.F32, base);
        final DeviceVisit visit;
        final DeviceWeights weights;
        final int tensor;

        Stepped() {
            UpdateLog updates = new UpdateLog(new MezoSgd());
            updates.add(
                    StepRecord.twoSided(
                            1, 5, 1e-1, 1e-3, 0, List.of(QueryResult.twoSided(5, 3, 1, 1000))));
            ForwardRequest request = ForwardRequest.fold(updates, ForwardRequest.Folding.SCHEDULED);
            visit =
                    new DeviceVisit(
                            new Lease(bytes.address()), block, Optional.empty(), request, 1, true);
            weights = new DeviceWeights(visit, List.of(Query.AT_THETA), true, passes, scratch);
            tensor = visit.indexOf(matrix.weight());
        }

        DeviceLinear.Product product() {
            DeviceMatrix x = scratch.states(1, operator.in());
            return passes.linear().product(weights, matrix, x, ROWS);
        }

        float[] finish() {
            visit.finish(passes);
            return read();
        }

        float[] read() {
            rig.device().compute().synchronize();
            return bytes.read(DType.F32);
        }
    }

    private record Lease(long address) implements BlockLease {
        @Override
        public MemorySegment weights() {
            throw new UnsupportedOperationException("device memory");
        }

        @Override
        public long foldedThrough() {
            return 0;
        }

        @Override
        public void markFolded(long throughStep, boolean changed) {
            assertThat(throughStep).isEqualTo(1);
        }

        @Override
        public void close() {}
    }
}
