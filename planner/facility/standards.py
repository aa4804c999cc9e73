"""What standards ask, as far as second-hand sources say; no clause was seen, so none of it is a result."""

from __future__ import annotations

STANDARDS: tuple[tuple[str, str, str], ...] = (
    (
        "GB 50174",
        "grade A: two utility sources; UPS 2N or M(N+1) with 15 min of battery; generators N+X, 12 h of fuel",
        "A 级：双重电源；UPS 2N 或 M(N+1)，电池 15 min；柴油发电机 N+X，储油 12 h",
    ),
    (
        "GB 50174",
        "grade A: chillers, pumps, towers and air conditioners N+X; grade B N+1",
        "A 级：冷水机组、水泵、冷却塔、空调 N+X；B 级 N+1",
    ),
    (
        "GB 50174",
        "cold aisle 18 to 27 °C, dew point 5.5 to 15 °C, relative humidity at most 60 %",
        "冷通道 18 至 27 °C，露点 5.5 至 15 °C，相对湿度不高于 60%",
    ),
    (
        "GB 50174",
        "main room live load 8 to 12 kN/m²; battery room 16 kN/m²",
        "主机房活荷载 8 至 12 kN/m²；电池室 16 kN/m²",
    ),
    (
        "TIA-942",
        "floor live load 7.2 / 8.4 / 12.0 / 12.0 kPa for rated 1 to 4; hanging load 1.2 to 2.4 kPa",
        "Rated 1 至 4 楼面活荷载 7.2 / 8.4 / 12.0 / 12.0 kPa；吊挂荷载 1.2 至 2.4 kPa",
    ),
    (
        "Uptime",
        "tier III: concurrently maintainable, one active path; tier IV: fault tolerant, 2N or 2N+1",
        "Tier III：可在线维护，一路主用；Tier IV：容错，2N 或 2N+1",
    ),
)


def standards_for(country: str) -> list[tuple[str, str, str]]:
    """The list with what applies at home first: China's own code leads there and follows elsewhere."""
    return sorted(STANDARDS, key=lambda row: row[0].startswith("GB ") != (country == "CN"))
