package io.millrace.optim.direction;

import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Kinds;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.util.List;

/** The directions by name. A new one is a line here. */
public final class Directions {
    /** All of them, and the option that names one. */
    public static final Kinds<Direction> KINDS =
            Kinds.of(
                    Option.named("perturbation", OptionTypes.TEXT)
                            .label("NAME")
                            .help(
                                    "gaussian, rademacher, low-rank, members, projected, singular,"
                                            + " subspace or tezo.")
                            .usual(GaussianDirection.NAME)
                            .decidesBytes("direction"),
                    List.of(
                            Kind.of(
                                    GaussianDirection.NAME,
                                    List.of(),
                                    (_, _) -> new GaussianDirection()),
                            Kind.of(
                                    RademacherDirection.NAME,
                                    List.of(),
                                    (_, _) -> new RademacherDirection()),
                            Kind.of(
                                    LowRankDirection.NAME,
                                    List.of(LowRankDirection.RANK, LowRankDirection.WINDOW),
                                    LowRankDirection::of),
                            Kind.of(
                                    MembersDirection.NAME,
                                    List.of(LowRankDirection.RANK),
                                    MembersDirection::of),
                            Kind.of(
                                    ProjectedDirection.NAME,
                                    List.of(LowRankDirection.RANK, LowRankDirection.WINDOW),
                                    ProjectedDirection::of),
                            Kind.of(
                                    SingularDirection.NAME,
                                    List.of(LowRankDirection.RANK, LowRankDirection.WINDOW),
                                    SingularDirection::of),
                            Kind.of(
                                    SubspaceDirection.NAME,
                                    List.of(LowRankDirection.RANK, LowRankDirection.WINDOW),
                                    SubspaceDirection::of),
                            Kind.of(
                                    TezoDirection.NAME,
                                    List.of(LowRankDirection.RANK, LowRankDirection.WINDOW),
                                    TezoDirection::of)),
                    DirectionKind.class);

    private Directions() {}

    /**
     * The direction of a name that is known to be dense, with its options as usual.
     *
     * @throws IllegalArgumentException when it is another
     */
    public static DenseDirection dense(String name) {
        if (usual(name) instanceof DenseDirection direction) {
            return direction;
        }
        throw new IllegalArgumentException(name + " is not dense");
    }

    /** The names of all dense directions. */
    public static List<String> denseNames() {
        return KINDS.all().stream()
                .map(Kind::name)
                .filter(name -> usual(name) instanceof DenseDirection)
                .toList();
    }

    private static Direction usual(String name) {
        return KINDS.make(name, Settings.NONE, 0);
    }
}
