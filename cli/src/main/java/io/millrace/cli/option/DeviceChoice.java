package io.millrace.cli.option;

import io.millrace.memory.BadInputException;
import io.millrace.memory.device.Devices;
import io.millrace.prefetch.plan.Machine;

/** The device of a machine that a name on the command line means. */
final class DeviceChoice {
    private DeviceChoice() {}

    static Machine.Accelerator of(Machine machine, String name) {
        Machine.Accelerator has = machine.device();
        boolean cuda = Devices.requireKind(name, "--device").equals("cuda");
        if (cuda != has.name().startsWith("cuda")) {
            throw new BadInputException(
                    "--device",
                    "'" + name + "' is not what this machine is known to have (" + has.name() + ")",
                    cuda ? "add --gpu with a card's name" : "leave --gpu out");
        }
        return cuda ? has : has.withName(name);
    }
}
