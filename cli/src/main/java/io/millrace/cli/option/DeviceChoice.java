package io.millrace.cli.option;

import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.Machine;

/** The device of a machine that a name on the command line means. */
final class DeviceChoice {
    private DeviceChoice() {}

    static Machine.Accelerator of(Machine machine, DeviceName name) {
        Machine.Accelerator has = machine.device();
        boolean card = !name.kind().onHostCores();
        if (card == has.name().kind().onHostCores()) {
            throw new BadInputException(
                    "--device",
                    "'" + name + "' is not what this machine is known to have (" + has.name() + ")",
                    card ? "add --gpu with a card's name" : "leave --gpu out");
        }
        return card ? has : has.withName(name);
    }
}
