package io.millrace.prefetch.plan;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Machines that are described and not measured: cards, links and drives by name. The numbers and
 * where they come from are in the resource and in the documentation.
 */
public final class MachineCatalog {
    private static final double CODE_BYTES = 0.5; // of four bits
    private static final String RESOURCE = "machine-catalog.json";
    private static final JsonObject CATALOG = load();
    private static final double GIGA = 1e9;
    private static final double TERA = 1e12;
    private static final int FP8_CAPABILITY = 89;

    // What a CPU of unknown kind is taken for until it is probed, a core each.
    private static final double CORE_FLOPS = 60e9;
    private static final double CORE_BYTES = 5e9;
    // Instructions for a normal number, and the share of a card's arithmetic that such code
    // reaches.
    private static final double OPERATIONS_A_NORMAL = 80;
    private static final double OPERATIONS_A_SIGN = 4;
    private static final double SHARE = 0.5;
    private static final double DISPATCH_SECONDS = 5e-6;

    private MachineCatalog() {}

    /** The names of the cards. */
    public static List<String> gpus() {
        return List.copyOf(CATALOG.object("gpus").fields().keySet());
    }

    /**
     * What somebody asks for in place of what a machine has.
     *
     * @param gpu a card's name, or null
     * @param pcie generation of its link; the card's own where empty
     * @param drives NVMe drives used as one
     * @param driveGeneration of those drives; 4 where only their number is given
     * @param hostMemory bytes of memory
     */
    public record Wishes(
            String gpu,
            OptionalInt pcie,
            OptionalInt drives,
            OptionalInt driveGeneration,
            OptionalLong hostMemory) {
        /** Whether nothing is asked for. */
        public boolean isEmpty() {
            return gpu == null
                    && pcie.isEmpty()
                    && drives.isEmpty()
                    && driveGeneration.isEmpty()
                    && hostMemory.isEmpty();
        }
    }

    /**
     * A machine with some parts exchanged.
     *
     * @param base what it has otherwise
     * @param wishes what is exchanged
     * @param dtype what weights are stored in, which decides how a card multiplies
     * @param matmul what products compute on, which decides it too
     * @throws BadInputException when a name or generation is not in the catalogue
     */
    public static Machine with(Machine base, Wishes wishes, DType dtype, Matmul matmul) {
        if (wishes.isEmpty()) {
            return base;
        }
        Machine machine = base;
        StringBuilder name = new StringBuilder();
        if (wishes.gpu() != null) {
            machine = machine.withDevice(gpu(wishes.gpu(), wishes.pcie(), dtype, matmul));
            name.append(wishes.gpu()).append(", ");
        } else if (wishes.pcie().isPresent()) {
            throw new BadInputException(
                    "--pcie", "there is no card for the link", "add --gpu " + gpus().getFirst());
        }
        if (wishes.drives().isPresent() || wishes.driveGeneration().isPresent()) {
            int count = wishes.drives().orElse(1);
            int generation = wishes.driveGeneration().orElse(4);
            machine = machine.withDrive(drives(count, generation, machine.drive()));
            name.append(count).append(" NVMe of generation ").append(generation).append(", ");
        }
        if (wishes.hostMemory().isPresent()) {
            long bytes = wishes.hostMemory().getAsLong();
            machine = machine.withHost(machine.host().withMemory(bytes, bytes));
            name.append(ByteSize.format(bytes)).append(" of host memory, ");
        }
        return new Machine(
                "described: " + name + "else " + base.name(),
                false,
                machine.drive(),
                machine.host(),
                machine.device(),
                List.of());
    }

    /** A CPU that nothing is known of but its cores and memory. */
    public static Machine assumed(int cores, long memoryBytes, long availableBytes) {
        Machine.Host host =
                new Machine.Host(cores, memoryBytes, availableBytes, CORE_BYTES, CORE_BYTES, -1);
        Machine.Drive drive = drives(1, 4, null);
        return new Machine(
                "assumed: " + cores + " cores, not probed",
                false,
                drive,
                host,
                new Machine.Accelerator(
                        DeviceName.CPU,
                        true,
                        0,
                        CORE_BYTES,
                        CORE_BYTES,
                        CORE_BYTES,
                        CORE_BYTES,
                        1 / CORE_BYTES,
                        rates(cores * CORE_FLOPS, cores * CORE_FLOPS / 2, cores * CORE_BYTES)),
                List.of("this machine was not probed: run 'millrace probe'"));
    }

    /** This machine, where it was not probed. */
    public static Machine assumedHere() {
        AvailableMemory memory = AvailableMemory.read();
        return assumed(
                Runtime.getRuntime().availableProcessors(),
                memory.totalBytes(),
                memory.availableBytes());
    }

    /**
     * Rates that follow from three figures.
     *
     * @param matmulFlops products, FLOP/s
     * @param vectorFlops other arithmetic in float32, FLOP/s
     * @param bytesPerSecond of the memory that it computes on
     */
    static ComputeRates rates(double matmulFlops, double vectorFlops, double bytesPerSecond) {
        Map<DType, Double> widen = new EnumMap<>(DType.class);
        Map<DType, Double> store = new EnumMap<>(DType.class);
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            // Reads it once and writes two copies of two bytes.
            widen.put(dtype, (dtype.sizeBytes() + 4) / bytesPerSecond);
            store.put(dtype, dtype.sizeBytes() / bytesPerSecond);
        }
        widen.put(FormRates.CODES, (CODE_BYTES + 4) / bytesPerSecond);
        Map<Operation.Kind, Double> passes = new EnumMap<>(Operation.Kind.class);
        for (Operation.Kind kind : Operation.Kind.values()) {
            passes.put(kind, 4 / bytesPerSecond);
        }
        return new ComputeRates(
                List.of(new ComputeRates.MatmulRate(1, 1, matmulFlops)),
                List.of(new ComputeRates.AttentionRate(1, 1, SHARE * matmulFlops)),
                new FormRates(
                        widen,
                        store,
                        Map.of(
                                "gaussian", OPERATIONS_A_NORMAL / (SHARE * vectorFlops),
                                "rademacher", OPERATIONS_A_SIGN / (SHARE * vectorFlops)),
                        Optional.of(thin(vectorFlops, bytesPerSecond))),
                passes,
                DISPATCH_SECONDS,
                bytesPerSecond,
                List.of());
    }

    /** Thin products read and write what they are beside; a product counts its matrix itself. */
    private static ThinRates thin(double vectorFlops, double bytesPerSecond) {
        Map<DType, Double> read = new EnumMap<>(DType.class);
        for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
            read.put(dtype, (dtype.sizeBytes() + 2) / bytesPerSecond);
        }
        return new ThinRates(
                OPERATIONS_A_NORMAL / (SHARE * vectorFlops),
                2 / bytesPerSecond,
                4 / bytesPerSecond,
                2 / (SHARE * vectorFlops),
                0,
                read);
    }

    /**
     * The catalogue's name for the rate of products. Of fp8 none is known that anyone measured with
     * what it costs to round: it is reckoned as the matrices' own type.
     */
    private static String products(DType dtype, Matmul matmul) {
        if (dtype != DType.F32) {
            return "bf16_tflops";
        }
        return matmul == Matmul.TF32 ? "tf32_tflops" : "fp32_tflops";
    }

    private static Machine.Accelerator gpu(
            String name, OptionalInt pcie, DType dtype, Matmul matmul) {
        JsonObject gpus = CATALOG.object("gpus");
        if (!gpus.has(name)) {
            throw new BadInputException(
                    "--gpu",
                    "'" + name + "' is not in the catalogue",
                    "give one of " + String.join(", ", gpus()) + ", or a --machine file");
        }
        JsonObject gpu = gpus.object(name);
        if (matmul == Matmul.FP8 && gpu.integer("capability") < FP8_CAPABILITY) {
            throw new BadInputException(
                    "--matmul",
                    "fp8 products need compute capability 8.9, and "
                            + name
                            + " has "
                            + gpu.integer("capability") / 10.0,
                    "leave it out, or describe a card of 8.9 or newer");
        }
        JsonObject link = link(pcie.orElse((int) gpu.integer("pcie")));
        double products = gpu.number(products(dtype, matmul)) * TERA;
        return new Machine.Accelerator(
                DeviceName.cuda(0),
                false,
                ByteSize.parse(gpu.string("memory")),
                link.number("h2d") * GIGA,
                link.number("d2h") * GIGA,
                link.number("h2d_while_d2h") * GIGA,
                link.number("d2h_while_h2d") * GIGA,
                0,
                rates(
                        products,
                        gpu.number("fp32_tflops") * TERA,
                        gpu.number("memory_gbps") * GIGA));
    }

    private static JsonObject link(int generation) {
        JsonObject links = CATALOG.object("pcie");
        String name = Integer.toString(generation);
        if (!links.has(name)) {
            throw new BadInputException(
                    "--pcie",
                    generation + " is not in the catalogue",
                    "give one of " + String.join(", ", links.fields().keySet()));
        }
        return links.object(name);
    }

    private static Machine.Drive drives(int count, int generation, Machine.Drive base) {
        JsonObject kinds = CATALOG.object("nvme");
        String name = Integer.toString(generation);
        if (!kinds.has(name) || count < 1) {
            throw new BadInputException(
                    "--nvme-drives",
                    count + " of generation " + generation + " are not in the catalogue",
                    "give 1 or more, of " + String.join(", ", kinds.fields().keySet()));
        }
        JsonObject kind = kinds.object(name);
        Map<String, Double> rates = new LinkedHashMap<>();
        for (String rate : List.of("read", "write", "read_while_writing", "write_while_reading")) {
            rates.put(rate, kind.number(rate) * GIGA * count);
        }
        return new Machine.Drive(
                rates.get("read"),
                rates.get("write"),
                rates.get("read_while_writing"),
                rates.get("write_while_reading"),
                base == null ? 1.5 / CORE_BYTES : base.readCpuSeconds(),
                base == null ? 1.5 / CORE_BYTES : base.writeCpuSeconds(),
                1e-3,
                Long.MAX_VALUE,
                "as described");
    }

    private static JsonObject load() {
        try (InputStream in = MachineCatalog.class.getResourceAsStream(RESOURCE)) {
            return Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE, e);
        }
    }
}
