package io.millrace.prefetch.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineFileTest {
    private static final String SMALL =
            """
            {"nvme": {"read_bytes_per_second": 7e9, "write_bytes_per_second": 5e9},
             "host": {"copy_bytes_per_second": 1e10, "memory_bytes": 68719476736},
             "device": {"name": "cuda:0", "memory_bytes": 25769803776,
                        "matmul_flops_per_second": {"bfloat16": 1.4e14},
                        "h2d_bytes_per_second": 2.5e10, "d2h_bytes_per_second": 2.6e10}}
            """;

    @TempDir Path folder;

    @Test
    void readsWhatItWrote() {
        Machine machine = Machines.sharing(1e9, 1e-10);
        Path file = folder.resolve("cache/machine.json");
        MachineFile.write(machine, file);
        Machine read = MachineFile.read(file);
        assertThat(MachineFile.fields(read)).isEqualTo(MachineFile.fields(machine));
        assertThat(read.drive()).isEqualTo(machine.drive());
        assertThat(read.host()).isEqualTo(machine.host());
        assertThat(read.device().rates().matmuls()).isEqualTo(machine.device().rates().matmuls());
        assertThat(read.rounding().orElseThrow().device().rates().bestMatmulRate()).isEqualTo(2e9);
    }

    @Test
    void aFewFiguresMakeAMachine() throws IOException {
        Machine machine = MachineFile.read(Files.writeString(folder.resolve("m.json"), SMALL));
        assertThat(machine.measured()).isFalse();
        assertThat(machine.device().onHostCores()).isFalse();
        assertThat(machine.device().rates().bestMatmulRate()).isEqualTo(1.4e14);
        assertThat(machine.rounding()).isEmpty();
        assertThat(machine.device().rates().forms().thin()).isPresent();
        assertThat(machine.drive().readWhileWriting()).isLessThan(7e9);
    }

    @Test
    void aProbeFromBeforeLowRankDirectionsIsReadWithoutTheirRates() {
        Machine machine = Machines.sharing(1e9, 1e-10);
        Map<String, Object> fields = new LinkedHashMap<>(MachineFile.fields(machine));
        Map<String, Object> device =
                new LinkedHashMap<>(JsonObject.of(fields).object("device").fields());
        assertThat(device.remove("low_rank")).isNotNull();
        fields.put("device", device);
        assertThat(read(fields).device().rates().forms().thin()).isEmpty();
        assertThat(read(MachineFile.fields(machine)).device().rates().forms())
                .isEqualTo(machine.device().rates().forms());
    }

    @Test
    void productsOfBfloat16TakeCodesAtTheirOwnRate() {
        Machine machine = Machines.sharing(1e9, 1e-10);
        Map<String, Object> fields = new LinkedHashMap<>(MachineFile.fields(machine));
        Map<String, Object> device =
                new LinkedHashMap<>(JsonObject.of(fields).object("device").fields());
        device.put("widen_seconds", Map.of("int32", 4e-10, "int16", 1e-10));
        fields.put("device", device);
        Machine read = read(fields);
        assertThat(widening(read)).isEqualTo(4e-10);
        assertThat(widening(read.rounding().orElseThrow())).isEqualTo(1e-10);
    }

    private static double widening(Machine machine) {
        return machine.device().rates().forms().widenSeconds().get(FormRates.CODES);
    }

    private Machine read(Map<String, Object> fields) {
        Path file = folder.resolve("m.json");
        try {
            return MachineFile.read(Files.writeString(file, Json.writePretty(fields)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aFieldThatIsMissingOrNoRateIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("m.json"), SMALL.replace("7e9", "-7e9"));
        assertThatThrownBy(() -> MachineFile.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("read_bytes_per_second");
        Files.writeString(file, SMALL.replace("h2d_bytes", "h2d"));
        assertThatThrownBy(() -> MachineFile.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("h2d_bytes_per_second");
        assertThatThrownBy(() -> MachineFile.read(folder.resolve("none.json")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("none.json");
    }

    @Test
    void aDeviceThatNobodyKnowsIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("m.json"), SMALL.replace("cuda:0", "tpu"));
        assertThatThrownBy(() -> MachineFile.read(file))
                .isInstanceOf(BadInputException.class)
                .hasMessage(
                        file
                                + ": field 'device.name': 'tpu' is not a device; give cpu, emulated"
                                + " or cuda:N");
    }

    @Test
    void wishesExchangeParts() {
        Machine base = Machines.of(DeviceName.CPU, 1e9, 1e9);
        Machine machine =
                MachineCatalog.with(
                        base,
                        new MachineCatalog.Wishes(
                                "rtx4090",
                                OptionalInt.of(5),
                                OptionalInt.of(2),
                                OptionalInt.empty(),
                                OptionalLong.of(128L << 30)),
                        DType.BF16,
                        Matmul.NATIVE);
        assertThat(machine.measured()).isFalse();
        assertThat(machine.device().memoryBytes()).isEqualTo(24L << 30);
        assertThat(machine.device().h2dBytesPerSecond()).isEqualTo(55e9);
        assertThat(machine.drive().readBytesPerSecond()).isEqualTo(13e9);
        assertThat(machine.host().memoryBytes()).isEqualTo(128L << 30);
        assertThat(machine.name()).contains("rtx4090");
    }

    @Test
    void aCardMultipliesAsFastAsWhatItComputesOn() {
        assertThat(bestRate(DType.BF16, Matmul.NATIVE)).isEqualTo(700e12);
        assertThat(bestRate(DType.F32, Matmul.TF32)).isEqualTo(380e12);
        assertThat(bestRate(DType.F32, Matmul.NATIVE)).isEqualTo(65e12);
        assertThat(bestRate(DType.BF16, Matmul.FP8)).isEqualTo(700e12);
    }

    private static double bestRate(DType dtype, Matmul matmul) {
        MachineCatalog.Wishes card =
                new MachineCatalog.Wishes(
                        "h100",
                        OptionalInt.empty(),
                        OptionalInt.empty(),
                        OptionalInt.empty(),
                        OptionalLong.empty());
        return MachineCatalog.with(Machines.of(DeviceName.CPU, 1e9, 1e9), card, dtype, matmul)
                .device()
                .rates()
                .bestMatmulRate();
    }

    @Test
    void aCardThatIsNotKnownIsRefusedWithThoseThatAre() {
        assertThatThrownBy(() ->
                        MachineCatalog.with(
                                Machines.of(DeviceName.CPU, 1e9, 1e9),
                                new MachineCatalog.Wishes(
                                        "rtx9999",
                                        OptionalInt.empty(),
                                        OptionalInt.empty(),
                                        OptionalInt.empty(),
                                        OptionalLong.empty()),
                                DType.BF16,
                                Matmul.NATIVE))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("rtx4090");
    }
}
