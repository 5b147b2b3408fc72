package io.millrace.memory.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceNameTest {
    @ParameterizedTest
    @ValueSource(strings = {"cpu", "emulated", "cuda:0", "cuda:17"})
    void isReadFromWhatItPrints(String text) {
        assertThat(DeviceName.parse(text, "--device")).hasToString(text);
    }

    @Test
    void everyKindHasAName() {
        for (DeviceKind kind : DeviceKind.values()) {
            DeviceName name = new DeviceName(kind, 0);
            assertThat(DeviceName.parse(name.toString(), "here")).isEqualTo(name);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "tpu",
                "cpu:",
                "cpu:0",
                "cpu:1",
                "emulated:0",
                "cuda",
                "cuda:",
                "cuda:x",
                "cuda:-1",
                "cuda:1000",
                "CUDA:0",
                " cpu",
                "cuda:0 "
            })
    void anotherTextIsRefusedWithThePlaceThatHoldsIt(String text) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> DeviceName.parse(text, "m.json: field 'device.name'"))
                .withMessage(
                        "m.json: field 'device.name': '"
                                + text
                                + "' is not a device; give cpu, emulated or cuda:N");
    }

    @Test
    void onlyCardsAreCounted() {
        assertThat(DeviceName.cuda(3).ordinal()).isEqualTo(3);
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> new DeviceName(DeviceKind.EMULATED, 1));
        assertThatExceptionOfType(IllegalArgumentException.class)
                .isThrownBy(() -> DeviceName.cuda(-1));
    }

    @Test
    void emulatedDevicesHaveTheArithmeticOfTheProcessorThatTheyAre() {
        assertThat(DeviceKind.EMULATED.arithmetic()).isEqualTo(DeviceKind.CPU);
        assertThat(DeviceKind.CUDA.arithmetic()).isEqualTo(DeviceKind.CUDA);
    }

    @Test
    void aDeviceOfTheProcessorIsOpenedByItsName() {
        for (DeviceName name : new DeviceName[] {DeviceName.CPU, DeviceName.EMULATED}) {
            try (Device device = Devices.open(name, Ledger.unlimited(), DeviceOptions.defaults())) {
                assertThat(device.name()).isEqualTo(name);
                assertThat(device.unifiedMemory()).isEqualTo(name.kind().unifiedMemory());
            }
        }
    }
}
