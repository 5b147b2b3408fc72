package io.millrace.optim.participation;

import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/** Which layers have a part in a step, by name. A new way is a line here. */
public final class Participations {
    /** All of them, and the option that names one. */
    public static final Kinds<Participation> KINDS =
            Kinds.of(
                    Option.named("blocks", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "Layers that a step perturbs and updates: all, or random, drawn"
                                            + " anew for each step (LeZO).")
                            .usual(AllLayers.NAME)
                            .decidesBytes()
                            .saidUnlessUsual(),
                    List.of(
                            Kind.of(AllLayers.NAME, List.of(), (_, _) -> new AllLayers()),
                            Kind.of(
                                    RandomLayers.NAME,
                                    List.of(RandomLayers.FROZEN, RandomLayers.FROZEN_ENDS),
                                    (values, _) ->
                                            new RandomLayers(
                                                    values.get(RandomLayers.FROZEN),
                                                    values.get(RandomLayers.FROZEN_ENDS)))),
                    ParticipationKind.class);

    private Participations() {}
}
