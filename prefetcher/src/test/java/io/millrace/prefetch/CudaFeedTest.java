package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.cuda.HostCall;
import io.millrace.memory.cuda.HostCuda;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.memory.cuda.KernelArguments;
import io.millrace.memory.cuda.KernelLibrary;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaStream;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/**
 * The pipeline in front of a CUDA device: the computing thread only hands work over, and blocks are
 * moved by what the device has done.
 */
@ExtendWith(SeedExtension.class)
@Timeout(60)
final class CudaFeedTest {
    private static final FeedOptions OPTIONS = new FeedOptions(true, Duration.ofSeconds(20), 1);

    /** The device's clock counts half microseconds, at both ends of a span. */
    private static final long CLOCK_NS = 2_000;

    @TempDir private Path folder;

    /**
     * visit(bytes, size, state, step, block, folds): as a tuning loop on the host, but as a kernel.
     */
    private static void visit(KernelLibrary.Launch launch) {
        MemorySegment arguments = launch.arguments();
        long size = arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, 8);
        MemorySegment bytes =
                launch.memory().at(arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, 0), size);
        MemorySegment state =
                launch.memory().at(arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, 16), 8);
        long step = arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, 24);
        int block = arguments.get(ValueLayout.JAVA_INT_UNALIGNED, 32);
        if (arguments.get(ValueLayout.JAVA_INT_UNALIGNED, 36) != 0) {
            FeedRig.fold(bytes, step, block);
        }
        long seen = state.get(ValueLayout.JAVA_LONG, 0);
        long folded = arguments.get(ValueLayout.JAVA_LONG_UNALIGNED, 40);
        state.set(ValueLayout.JAVA_LONG, 0, 31 * (31 * seen + FeedRig.digest(bytes)) + folded);
    }

    private static HostCuda driver(HostCudaOptions options) {
        return new HostCuda(
                options,
                (image, name) ->
                        switch (name) {
                            case "visit" -> CudaFeedTest::visit;
                            case "slow" -> launch -> LockSupport.parkNanos(3_000_000);
                            default -> null;
                        });
    }

    /** The loop of {@link FeedRig#tune} on the device. */
    private static final class DeviceLoop implements AutoCloseable {
        private final CudaDevice device;
        private final long function;
        private final KernelArguments arguments = new KernelArguments();
        private final DeviceBuffer state;

        DeviceLoop(CudaDevice device, String kernel) {
            this.device = device;
            state = device.allocate("state", 8);
            device.makeCurrent();
            function = device.api().function(device.api().loadModule(new byte[1]), kernel);
        }

        void run(BlockFeed feed, List<Integer> visits, long first, long last, int foldEvery) {
            CudaStream compute = device.compute();
            for (long step = first; step <= last; step++) {
                for (int block : visits) {
                    try (BlockLease lease = feed.acquire(block)) {
                        boolean folds = step % foldEvery == 0 && lease.foldedThrough() < step;
                        if (folds) {
                            lease.markFolded(step, true);
                        }
                        arguments
                                .begin()
                                .int64(lease.address())
                                .int64(FeedRig.SIZES.get(block))
                                .int64(state.address())
                                .int64(step)
                                .int32(block)
                                .int32(folds ? 1 : 0)
                                .int64(lease.foldedThrough());
                        device.api()
                                .launchKernel(
                                        function, 1, 1, 1, 1, 1, 1, 0, compute.handle(), arguments);
                        lease.releaseAfter(compute);
                    }
                }
            }
        }

        long seen(HostCuda driver) {
            device.compute().synchronize();
            return driver.deviceMemory(state.address(), 8).get(ValueLayout.JAVA_LONG, 0);
        }

        @Override
        public void close() {
            state.close();
            arguments.close();
        }
    }

    private FeedRig rig(HostCuda driver, Path place) throws Exception {
        try (AutoCloseable installed = driver.install()) {
            assertThat(installed).isNotNull();
            return new FeedRig(place, DeviceName.cuda(0));
        }
    }

    @Test
    void seesAndWritesTheSameBytesUnderEveryPlacement(@Seed long seed) throws Exception {
        long expected = seenOnArrays(FeedRig.TIED, 6, 2);
        long blocks = 20_480 + 5 * 12_288;
        List<long[]> budgets =
                List.of(
                        new long[] {Long.MAX_VALUE / 8, 2 * 20_480},
                        new long[] {3 * 20_480, 3 * 20_480},
                        new long[] {2 * 20_480 + 12_288, blocks},
                        new long[] {blocks, 2 * 20_480});
        for (int i = 0; i < budgets.size(); i++) {
            HostCudaOptions slow = HostCudaOptions.defaults().withDelays(seed + i, 200_000);
            Path place = folder.resolve("run" + i);
            assertThat(place.toFile().mkdir()).isTrue();
            HostCuda driver = driver(slow);
            try (FeedRig rig = rig(driver, place);
                    DeviceLoop loop = new DeviceLoop((CudaDevice) rig.device, "visit")) {
                long[] budget = budgets.get(i);
                PipelinedFeed feed =
                        rig.start(rig.place(FeedRig.TIED, budget[0], budget[1], 3), OPTIONS);
                loop.run(feed, FeedRig.TIED, 1, 6, 2);
                feed.flush();
                assertThat(loop.seen(driver)).as("placement " + i).isEqualTo(expected);
                feed.close();
                // A second feed finds the bytes of the last fold on the drive.
                feed = rig.start(rig.place(FeedRig.TIED, budget[0], budget[1], 1), OPTIONS);
                loop.run(feed, FeedRig.TIED, 7, 8, 2);
                assertThat(loop.seen(driver)).isEqualTo(seenOnArrays(FeedRig.TIED, 8, 2));
                feed.close();
            }
            driver.close();
        }
    }

    private static long seenOnArrays(List<Integer> visits, long last, int foldEvery) {
        return FeedRig.tune(new FeedRig.ArrayFeed(), visits, 1, last, foldEvery, 0);
    }

    @Test
    void movesEachBlockInOneCopyAndNeverWaitsForAStream() throws Exception {
        HostCuda driver = driver(HostCudaOptions.defaults());
        try (FeedRig rig = rig(driver, folder);
                DeviceLoop loop = new DeviceLoop((CudaDevice) rig.device, "visit")) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.UNTIED, 6 * 20_480, 2 * 20_480, 3), OPTIONS);
            loop.run(feed, FeedRig.UNTIED, 1, 2, 1);
            feed.flush();
            driver.clearCalls();
            loop.run(feed, FeedRig.UNTIED, 3, 5, 1);
            feed.flush();
            List<HostCall> calls = driver.calls();
            // Uploads run ahead into the next step, so that a window of three steps may hold a few
            // more or fewer than it visits.
            long visits = 3L * FeedRig.UNTIED.size();
            assertThat(driver.calls("cuMemcpyDtoHAsync")).hasSize((int) visits);
            assertThat(driver.calls("cuMemcpyHtoDAsync").size())
                    .isBetween((int) visits - 6, (int) visits + 6);
            assertThat(driver.calls("cuMemcpyHtoDAsync"))
                    .allMatch(copy -> FeedRig.SIZES.contains(copy.sizeBytes()));
            assertThat(calls)
                    .extracting(HostCall::name)
                    .doesNotContain(
                            "cuStreamSynchronize",
                            "cuMemAlloc",
                            "cuMemMap",
                            "cuMemHostRegister",
                            "cuStreamCreate");
            feed.close();
        }
        driver.close();
    }

    @Test
    void neitherOverwritesNorFetchesABlockBeforeTheDeviceHasComputedOnIt() throws Exception {
        HostCuda driver = driver(HostCudaOptions.defaults());
        try (FeedRig rig = rig(driver, folder);
                DeviceLoop loop = new DeviceLoop((CudaDevice) rig.device, "slow")) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.UNTIED, 6 * 20_480, 2 * 20_480, 3), OPTIONS);
            // Lanes of a machine that is busy otherwise may miss a kernel, and not all of them.
            for (int step = 1; step == 1 || (step < 60 && noneOverlaps(driver)); step += 3) {
                loop.run(feed, FeedRig.UNTIED, step, step + 2, 1);
            }
            feed.flush();
            feed.close();
            Map<Long, Integer> uploads = new HashMap<>();
            assertThat(noneOverlaps(driver)).isFalse();
            for (HostCall call : driver.calls("cuMemcpyHtoDAsync")) {
                uploads.merge(call.object(), 1, Integer::sum);
            }
            assertThat(uploads.values()).allMatch(times -> times > 1);
            assertThat(launchesUnderACopyOfTheirBytes(driver)).isZero();
        }
        driver.close();
    }

    private static boolean noneOverlaps(HostCuda driver) {
        return overlaps(driver, "cuMemcpyHtoDAsync") == 0;
    }

    /** Copies that began while a kernel ran. */
    private static long overlaps(HostCuda driver, String copies) {
        List<HostCall> kernels = driver.calls("cuLaunchKernel");
        return driver.calls(copies).stream()
                .filter(copy ->
                        kernels.stream()
                                .anyMatch(kernel ->
                                        kernel.beganNs() < copy.beganNs()
                                                && copy.beganNs() < kernel.endedNs()))
                .count();
    }

    /** Copies to or from a slot that were under way while the kernel on that slot's bytes ran. */
    private static long launchesUnderACopyOfTheirBytes(HostCuda driver) {
        List<HostCall> uploads = driver.calls("cuMemcpyHtoDAsync");
        List<HostCall> launches = driver.calls("cuLaunchKernel");
        long clashes = 0;
        // The n-th launch is on the bytes of the n-th upload, as no block stays on the device.
        for (int i = 0; i < launches.size(); i++) {
            HostCall launch = launches.get(i);
            long slot = uploads.get(i).object();
            clashes +=
                    driver.calls().stream()
                            .filter(call -> call.name().startsWith("cuMemcpy"))
                            .filter(call -> call.object() == slot)
                            .filter(call -> call.endedNs() > launch.beganNs())
                            .filter(call -> call.beganNs() < launch.endedNs())
                            .count();
        }
        return clashes;
    }

    @Test
    void copiesAreTimedByTheDevice() throws Exception {
        HostCuda driver = driver(HostCudaOptions.defaults());
        try (FeedRig rig = rig(driver, folder);
                DeviceLoop loop = new DeviceLoop((CudaDevice) rig.device, "visit")) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.UNTIED, 6 * 20_480, 2 * 20_480, 3), OPTIONS);
            loop.run(feed, FeedRig.UNTIED, 1, 2, 1);
            feed.flush();
            feed.close();
            SpanLog log = rig.spans.newLog();
            rig.spans.drain(System.nanoTime(), log);
            List<HostCall> downloads = driver.calls("cuMemcpyDtoHAsync");
            int seen = 0;
            long latestStart = Long.MIN_VALUE;
            long earliestEnd = Long.MAX_VALUE;
            for (int i = 0; i < log.size(); i++) {
                if (log.lane(i) == Lane.D2H) {
                    HostCall copy = downloads.get(seen++);
                    latestStart = Math.max(latestStart, log.startNs(i) - copy.beganNs());
                    earliestEnd = Math.min(earliestEnd, log.endNs(i) - copy.endedNs());
                }
            }
            // What the base of the device's clock is off by is the same for all; a machine that
            // stands still between an event and its copy only makes spans longer.
            assertThat(latestStart).isLessThan(earliestEnd + CLOCK_NS);
            assertThat(seen).isEqualTo(downloads.size());
        }
        driver.close();
    }

    @Test
    void aFaultOfTheDeviceEndsTheFeedWithItsCause() throws Exception {
        HostCuda driver = driver(HostCudaOptions.defaults());
        FeedRig rig = rig(driver, folder);
        PipelinedFeed feed =
                rig.start(rig.place(FeedRig.UNTIED, 6 * 20_480, 2 * 20_480, 3), OPTIONS);
        CudaDevice device = (CudaDevice) rig.device;
        device.makeCurrent();
        assertThatThrownBy(
                        () -> {
                            for (int visit = 0; visit < 50; visit++) {
                                try (BlockLease lease = feed.acquire(visit % 6)) {
                                    if (visit == 8) {
                                        driver.enqueue(
                                                device.compute().handle(),
                                                "gemm",
                                                () -> {
                                                    throw new IllegalStateException("bad gemm");
                                                });
                                    }
                                    lease.releaseAfter(device.compute());
                                }
                            }
                        })
                .isInstanceOf(FeedException.class)
                .hasStackTraceContaining("bad gemm");
        assertThat(driver.fault()).hasMessage("bad gemm");
        feed.close(); // says nothing new
        driver.close();
    }
}
