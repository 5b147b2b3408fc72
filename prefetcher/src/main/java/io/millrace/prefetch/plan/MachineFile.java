package io.millrace.prefetch.plan;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A machine as JSON: what {@code probe --json} prints, what is kept of it, and what {@code plan
 * --machine} reads. Fields that a hand-written file leaves out follow from those that it has.
 */
public final class MachineFile {
    /** Bytes of such a file: what a probe prints has a few thousand. */
    public static final int MAX_BYTES = 1 << 20;

    private static final double SHARED = 0.6; // of a drive's rate, with both directions busy

    private MachineFile() {}

    /** The fields of a machine. */
    public static Map<String, Object> fields(Machine machine) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("machine", machine.name());
        fields.put("measured", machine.measured());
        fields.put("nvme", drive(machine.drive()));
        fields.put("host", host(machine.host()));
        fields.put("device", device(machine.device()));
        fields.put("missing", machine.missing());
        return fields;
    }

    /** Writes a file that {@link #read} takes. */
    public static void write(Machine machine, Path file) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Path draft = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(draft, Json.writePretty(fields(machine)));
            Files.move(draft, file, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Reads a machine.
     *
     * @throws BadInputException when there is no such file, or a field is missing or of another
     *     kind
     */
    public static Machine read(Path file) {
        try {
            return parse(file, Json.readObject(file, MAX_BYTES));
        } catch (NoSuchFileException e) {
            throw new BadInputException(
                    file.toString(), "is not there", "make it with 'millrace probe --json'");
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "cannot be read (" + e.getMessage() + ")", "check the path");
        } catch (JsonFormatException | IllegalArgumentException e) {
            throw new BadInputException(
                    file.toString(),
                    "is no machine: " + e.getMessage(),
                    "begin with what 'millrace probe --json' prints");
        }
    }

    private static Map<String, Object> drive(Machine.Drive drive) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("read_bytes_per_second", drive.readBytesPerSecond());
        fields.put("write_bytes_per_second", drive.writeBytesPerSecond());
        fields.put("read_while_writing", drive.readWhileWriting());
        fields.put("write_while_reading", drive.writeWhileReading());
        fields.put("read_cpu_seconds_per_byte", drive.readCpuSeconds());
        fields.put("write_cpu_seconds_per_byte", drive.writeCpuSeconds());
        fields.put("sync_seconds", drive.syncSeconds());
        fields.put("free_bytes", drive.freeBytes());
        fields.put("path", drive.path());
        return fields;
    }

    private static Map<String, Object> host(Machine.Host host) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("copy_bytes_per_second", host.copyBytesPerSecond());
        fields.put("pin_bytes_per_second", host.pinBytesPerSecond());
        fields.put("pin_limit_bytes", host.pinLimitBytes());
        fields.put("memory_bytes", host.memoryBytes());
        fields.put("available_bytes", host.availableBytes());
        fields.put("cores", host.cores());
        return fields;
    }

    private static Map<String, Object> device(Machine.Accelerator device) {
        ComputeRates rates = device.rates();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", device.name().toString());
        Map<String, Object> products = new LinkedHashMap<>();
        products.put(DType.F32.torchName(), rates.bestMatmulRate());
        rates.rounding()
                .ifPresent(
                        rounded -> products.put(DType.BF16.torchName(), rounded.bestMatmulRate()));
        fields.put("matmul_flops_per_second", products);
        fields.put("h2d_bytes_per_second", device.h2dBytesPerSecond());
        fields.put("d2h_bytes_per_second", device.d2hBytesPerSecond());
        fields.put("h2d_while_d2h", device.h2dWhileD2h());
        fields.put("d2h_while_h2d", device.d2hWhileH2d());
        fields.put("copy_cpu_seconds_per_byte", device.copyCpuSeconds());
        fields.put("on_host_cores", device.onHostCores());
        fields.put("memory_bytes", device.memoryBytes());
        fields.put("weights_bytes_per_second", rates.memoryBytesPerSecond());
        fields.put("dispatch_seconds", rates.dispatchSeconds());
        FormRates forms = rates.forms();
        fields.put("z_seconds", sorted(forms.zSeconds()));
        fields.put("widen_seconds", byDType(forms.widenSeconds()));
        fields.put("store_seconds", byDType(forms.storeSeconds()));
        forms.thin().ifPresent(thin -> fields.put("low_rank", thin(thin)));
        Map<String, Object> passes = new LinkedHashMap<>();
        for (Operation.Kind kind : Operation.Kind.values()) {
            passes.put(kind.label(), rates.passSeconds().getOrDefault(kind, 0.0));
        }
        fields.put("pass_seconds", passes);
        fields.put("matmuls", points(rates.matmuls()));
        fields.put("rounded_matmuls", points(rates.roundedMatmuls()));
        List<Object> attentions = new ArrayList<>();
        for (ComputeRates.AttentionRate rate : rates.attentions()) {
            Map<String, Object> point = new LinkedHashMap<>();
            point.put("tokens", rate.tokens());
            point.put("head_size", rate.headSize());
            point.put("flops_per_second", rate.flopsPerSecond());
            attentions.add(point);
        }
        fields.put("attentions", attentions);
        return fields;
    }

    private static Map<String, Object> thin(ThinRates rates) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("factor_seconds", rates.factorSeconds());
        fields.put("project_seconds", rates.projectSeconds());
        fields.put("add_seconds", rates.addSeconds());
        fields.put("term_seconds", rates.termSeconds());
        fields.put("direct_seconds_per_byte", rates.directSeconds());
        fields.put("read_seconds", byDType(rates.readSeconds()));
        return fields;
    }

    private static List<Object> points(List<ComputeRates.MatmulRate> rates) {
        List<Object> points = new ArrayList<>();
        for (ComputeRates.MatmulRate rate : rates) {
            Map<String, Object> point = new LinkedHashMap<>();
            point.put("rows", rate.rows());
            point.put("inputs", rate.inputs());
            point.put("flops_per_second", rate.flopsPerSecond());
            points.add(point);
        }
        return points;
    }

    private static Map<String, Object> sorted(Map<String, Double> values) {
        return new TreeMap<>(values);
    }

    private static Map<String, Object> byDType(Map<DType, Double> values) {
        Map<String, Object> fields = new LinkedHashMap<>();
        new EnumMap<>(values).forEach((dtype, value) -> fields.put(dtype.torchName(), value));
        return fields;
    }

    private static Machine parse(Path file, JsonObject json) {
        JsonObject nvme = json.object("nvme");
        double read = positive(nvme, "read_bytes_per_second");
        double write = positive(nvme, "write_bytes_per_second");
        Machine.Drive drive =
                new Machine.Drive(
                        read,
                        write,
                        nvme.number("read_while_writing", SHARED * read),
                        nvme.number("write_while_reading", SHARED * write),
                        nvme.number("read_cpu_seconds_per_byte", 0),
                        nvme.number("write_cpu_seconds_per_byte", 0),
                        nvme.number("sync_seconds", 0),
                        nvme.integer("free_bytes", Long.MAX_VALUE),
                        nvme.string("path", "as described"));
        JsonObject host = json.object("host");
        long memory = host.integer("memory_bytes");
        Machine.Host memoryAndCores =
                new Machine.Host(
                        (int) host.integer("cores", 1),
                        memory,
                        host.integer("available_bytes", memory),
                        positive(host, "copy_bytes_per_second"),
                        host.number("pin_bytes_per_second", 0),
                        host.integer("pin_limit_bytes", -1));
        List<String> missing = new ArrayList<>();
        if (json.has("missing")) {
            json.array("missing").forEach(line -> missing.add(line.toString()));
        }
        return new Machine(
                json.string("machine", "a described machine"),
                json.bool("measured", false),
                drive,
                memoryAndCores,
                device(file, json.object("device")),
                missing);
    }

    private static Machine.Accelerator device(Path file, JsonObject json) {
        double up = positive(json, "h2d_bytes_per_second");
        double down = positive(json, "d2h_bytes_per_second");
        DeviceName name =
                json.has("name")
                        ? DeviceName.parse(json.string("name"), file + ": field 'device.name'")
                        : DeviceName.cuda(0);
        return new Machine.Accelerator(
                name,
                json.bool("on_host_cores", name.kind().onHostCores()),
                json.integer("memory_bytes", 0),
                up,
                down,
                json.number("h2d_while_d2h", up),
                json.number("d2h_while_h2d", down),
                json.number("copy_cpu_seconds_per_byte", 0),
                rates(json));
    }

    private static ComputeRates rates(JsonObject json) {
        double best =
                json.object("matmul_flops_per_second").fields().values().stream()
                        .filter(Number.class::isInstance)
                        .mapToDouble(value -> ((Number) value).doubleValue())
                        .max()
                        .orElseThrow(() ->
                                new JsonFormatException(
                                        "field 'matmul_flops_per_second' has no rate"));
        ComputeRates plain = MachineCatalog.rates(best, best / 2, weightsRate(json, best));
        return new ComputeRates(
                json.has("matmuls") ? matmuls(json, "matmuls") : plain.matmuls(),
                json.has("attentions") ? attentions(json) : plain.attentions(),
                new FormRates(
                        dtypes(json, "widen_seconds", plain.forms().widenSeconds()),
                        dtypes(json, "store_seconds", plain.forms().storeSeconds()),
                        directions(json, plain.forms().zSeconds()),
                        thin(json, plain.forms().thin())),
                passes(json, plain.passSeconds()),
                json.number("dispatch_seconds", 0),
                json.has("matmuls")
                        ? json.number("weights_bytes_per_second", 0)
                        : weightsRate(json, best),
                json.has("rounded_matmuls") ? matmuls(json, "rounded_matmuls") : List.of());
    }

    /** Of a probe that did not know low-rank directions there is nothing that would fit it. */
    private static Optional<ThinRates> thin(JsonObject json, Optional<ThinRates> described) {
        if (!json.has("low_rank")) {
            return json.has("matmuls") ? Optional.empty() : described;
        }
        JsonObject thin = json.object("low_rank");
        return Optional.of(
                new ThinRates(
                        thin.number("factor_seconds"),
                        thin.number("project_seconds"),
                        thin.number("add_seconds"),
                        thin.number("term_seconds"),
                        thin.number("direct_seconds_per_byte"),
                        dtypes(thin, "read_seconds", Map.of())));
    }

    /** The rate at which weights are read; where it is not told, one that never binds. */
    private static double weightsRate(JsonObject json, double best) {
        double told = json.number("weights_bytes_per_second", 0);
        return told > 0 ? told : best;
    }

    private static List<ComputeRates.MatmulRate> matmuls(JsonObject json, String name) {
        List<ComputeRates.MatmulRate> rates = new ArrayList<>();
        for (JsonObject point : objects(json.array(name))) {
            rates.add(
                    new ComputeRates.MatmulRate(
                            point.integer("rows"),
                            point.integer("inputs"),
                            positive(point, "flops_per_second")));
        }
        return rates;
    }

    private static List<ComputeRates.AttentionRate> attentions(JsonObject json) {
        List<ComputeRates.AttentionRate> rates = new ArrayList<>();
        for (JsonObject point : objects(json.array("attentions"))) {
            rates.add(
                    new ComputeRates.AttentionRate(
                            point.integer("tokens"),
                            point.integer("head_size"),
                            positive(point, "flops_per_second")));
        }
        return rates;
    }

    private static Map<DType, Double> dtypes(
            JsonObject json, String name, Map<DType, Double> otherwise) {
        Map<DType, Double> values = new EnumMap<>(DType.class);
        if (!json.has(name)) {
            return otherwise;
        }
        json.optionalObject(name)
                .ifPresent(told ->
                        told.fields()
                                .keySet()
                                .forEach(dtype ->
                                        values.put(
                                                DType.find(dtype)
                                                        .orElseThrow(() ->
                                                                new JsonFormatException(
                                                                        "field '"
                                                                                + name
                                                                                + "' has no dtype '"
                                                                                + dtype
                                                                                + "'")),
                                                told.number(dtype))));
        return values;
    }

    private static Map<String, Double> directions(JsonObject json, Map<String, Double> otherwise) {
        Map<String, Double> values = new LinkedHashMap<>();
        if (!json.has("z_seconds")) {
            return otherwise;
        }
        json.optionalObject("z_seconds")
                .ifPresent(told ->
                        told.fields().keySet().forEach(one -> values.put(one, told.number(one))));
        return values;
    }

    private static Map<Operation.Kind, Double> passes(
            JsonObject json, Map<Operation.Kind, Double> otherwise) {
        Map<Operation.Kind, Double> values = new EnumMap<>(otherwise);
        json.optionalObject("pass_seconds")
                .ifPresent(told -> {
                    for (Operation.Kind kind : Operation.Kind.values()) {
                        values.put(
                                kind, told.number(kind.label(), otherwise.getOrDefault(kind, 0.0)));
                    }
                });
        return values;
    }

    private static List<JsonObject> objects(List<?> values) {
        List<JsonObject> objects = new ArrayList<>();
        for (Object value : values) {
            if (!(value instanceof Map<?, ?> map)) {
                throw new JsonFormatException("a measured point is not an object");
            }
            objects.add(JsonObject.of(map));
        }
        return objects;
    }

    private static double positive(JsonObject json, String name) {
        double value = json.number(name);
        if (!(value > 0) || Double.isInfinite(value)) {
            throw new JsonFormatException("field '" + name + "' is not a positive rate");
        }
        return value;
    }
}
