package io.millrace.prefetch.probe;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.OffloadException;
import io.millrace.memory.Tier;
import io.millrace.memory.cuda.CudaDriver;
import io.millrace.memory.cuda.CudaLibraries;
import io.millrace.memory.cuda.NvmlFacts;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.CudaFacts;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** The NVIDIA cards of this machine: what they say of themselves, and how fast copies are. */
public final class CardProbe {
    private static final long COPY_BYTES = 64L << 20;
    private static final int COPIES = 4;
    private static final int ROUNDS = 5;

    private CardProbe() {}

    /**
     * A card.
     *
     * @param device which one
     * @param facts as they were while it copied: an idle card lowers its link
     * @param pinned whether the host memory of the copies could be pinned
     * @param h2dBytesPerSecond alone
     * @param d2hBytesPerSecond alone
     */
    public record Card(
            DeviceName device,
            CudaFacts facts,
            boolean pinned,
            double h2dBytesPerSecond,
            double d2hBytesPerSecond) {
        /** As {@code probe --json} prints it; what nobody tells is left out. */
        public Map<String, Object> fields() {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("name", device.toString());
            fields.put(
                    "product", facts.nvml().facts().map(NvmlFacts::product).orElse(facts.name()));
            fields.put("compute_capability", facts.computeCapability() / 10.0);
            fields.put("multiprocessors", facts.multiprocessors());
            fields.put("memory_bytes", facts.memoryBytes());
            fields.put(
                    "cuda_version",
                    facts.driverVersion() / 1000 + "." + facts.driverVersion() % 1000 / 10);
            fields.put("pinned", pinned);
            fields.put("h2d_bytes_per_second", h2dBytesPerSecond);
            fields.put("d2h_bytes_per_second", d2hBytesPerSecond);
            facts.nvml()
                    .facts()
                    .ifPresentOrElse(
                            told -> addTold(fields, told),
                            () -> fields.put("nvml", facts.nvml().refusal()));
            return fields;
        }

        private static void addTold(Map<String, Object> fields, NvmlFacts told) {
            fields.put("driver_version", told.driverVersion());
            fields.put("free_bytes", told.freeBytes());
            put(fields, "pcie_generation", told.link().generation());
            put(fields, "pcie_lanes", told.link().lanes());
            put(fields, "most_pcie_generation", told.systemLink().generation());
            put(fields, "most_pcie_lanes", told.systemLink().lanes());
            put(fields, "card_pcie_generation", told.cardGeneration());
            put(fields, "power_limit_watts", told.powerLimitWatts());
            put(fields, "usual_power_watts", told.usualPowerWatts());
            put(fields, "clock_mhz", told.clockMhz());
            put(fields, "top_clock_mhz", told.topClockMhz());
        }

        private static void put(Map<String, Object> fields, String name, int value) {
            if (value > 0) {
                fields.put(name, value);
            }
        }
    }

    /**
     * All cards.
     *
     * @param cards that could be probed
     * @param gaps what keeps them from their best, and what to do about each
     */
    public record Result(List<Card> cards, List<String> gaps) {}

    /** Probes every card; a machine without one has an empty answer. */
    public static Result run(Consumer<String> progress) {
        List<Card> cards = new ArrayList<>();
        List<String> gaps = new ArrayList<>();
        int count;
        try {
            count = CudaDriver.load().deviceCount();
        } catch (BadInputException e) {
            // What is missing is told of as a gap of the machine; what does not start, here.
            if (CudaLibraries.ofMachine().missing().isEmpty()) {
                gaps.add(e.getMessage());
            }
            return new Result(cards, gaps);
        }
        for (int ordinal = 0; ordinal < count; ordinal++) {
            DeviceName name = DeviceName.cuda(ordinal);
            progress.accept("copies to " + name);
            try {
                Card card = probe(name);
                cards.add(card);
                card.facts()
                        .nvml()
                        .facts()
                        .ifPresent(told -> gaps.addAll(told.gaps(name.toString())));
            } catch (OffloadException e) {
                gaps.add(
                        name
                                + " cannot be probed ("
                                + e.getMessage()
                                + "); see in nvidia-smi that nothing else takes its memory");
            }
        }
        return new Result(cards, gaps);
    }

    private static Card probe(DeviceName name) {
        Ledger ledger = Ledger.unlimited();
        try (CudaDevice device =
                (CudaDevice) Devices.open(name, ledger, DeviceOptions.defaults())) {
            HostMemory host = new HostMemory(ledger, Tier.HOST, device.pinning());
            try (HostSlab slab = host.allocatePinned("probed copies", COPY_BYTES);
                    DeviceBuffer buffer = device.allocate("probed copies", COPY_BYTES)) {
                // Pages that were never written are all one page, which no cache has to fetch.
                slab.segment().fill((byte) 1);
                Runnable up = () -> upload(device, slab, buffer);
                Runnable down = () -> download(device, slab, buffer);
                up.run();
                down.run();
                double h2d = Stopwatch.rate(ROUNDS, COPIES * COPY_BYTES, up).bytesPerSecond();
                double d2h = Stopwatch.rate(ROUNDS, COPIES * COPY_BYTES, down).bytesPerSecond();
                return new Card(name, factsWhile(up, device), slab.isPinned(), h2d, d2h);
            }
        }
    }

    private static void upload(CudaDevice device, HostSlab slab, DeviceBuffer buffer) {
        for (int i = 0; i < COPIES; i++) {
            device.upload().copyH2D(slab.segment(), buffer, 0);
        }
        device.upload().synchronize();
    }

    private static void download(CudaDevice device, HostSlab slab, DeviceBuffer buffer) {
        for (int i = 0; i < COPIES; i++) {
            device.offload().copyD2H(buffer, 0, slab.segment());
        }
        device.offload().synchronize();
    }

    private static CudaFacts factsWhile(Runnable copies, CudaDevice device) {
        AtomicBoolean asked = new AtomicBoolean();
        Thread copying =
                Thread.ofPlatform()
                        .name("millrace-probe-h2d")
                        .start(() -> {
                            do {
                                copies.run();
                            } while (!asked.get());
                        });
        try {
            return device.askFacts();
        } finally {
            asked.set(true);
            DriveProbe.join(copying);
        }
    }
}
