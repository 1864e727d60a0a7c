"""What the sample counties' plans demand, written down by hand from the standards register; nothing is looked up.

A rule is a line of the register with one threshold; every measure of it is a criterion of its own. Types, owners and
kinds of unit are the Chinese words the samples use; a word that is not here is an error, not a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_MS, KM_MM = 60_000, 1_000_000
RIDING = ("walk", "walk_elderly", "cycle", "ebike")
OUT_KM = ("straight", "road:drive")
ON_FOOT_KM = ("straight", "road:walk")
# Metres a mode covers in a minute, for the size of sub-points only. The slowest road of the drive table is 15 km/h.
METRES_A_MINUTE = {"walk": 60.0, "walk_elderly": 48.0, "cycle": 200.0, "ebike": 300.0, "drive": 250.0, "ambulance": 275.0}  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """A demand of a plan: exactly one of minutes, km and (presence) at least one facility in each `per`."""

    types: tuple[str, ...]
    measures: tuple[str, ...] = ("presence",)
    minutes: float | None = None
    km: float | None = None
    per: str = "village"
    ownership: str = ""
    area_class: str = ""
    kinds: str = ""
    outwards: bool = False


@dataclass(frozen=True)
class Criterion:
    """One measure of a rule: `limit` in ms, mm or facilities."""

    key: str
    rule: Rule
    measure: str

    @property
    def presence(self) -> bool:
        """One per unit."""
        return self.measure == "presence"

    @property
    def straight(self) -> bool:
        """As the crow flies."""
        return self.measure == "straight"

    @property
    def mode(self) -> str:
        """How one travels; empty where nobody does."""
        return "" if self.presence or self.straight else self.measure.removeprefix("road:")

    @property
    def quantity(self) -> str:
        """Of a trip, `time` or `distance`."""
        return "distance" if self.measure.startswith("road:") else "time"

    @property
    def direction(self) -> str:
        """Which way one travels."""
        return "from_facility" if self.rule.outwards else "to_facility"

    @property
    def limit(self) -> int:
        """Milliseconds or millimetres; a value equal to it holds."""
        return round(self.rule.minutes * MINUTE_MS if self.rule.minutes else (self.rule.km or 0) * KM_MM)

    @property
    def limit_m(self) -> float:
        """Limit as metres (time by the mode's speed), for the size of sub-points."""
        if self.rule.minutes:
            return self.rule.minutes * METRES_A_MINUTE[self.mode]
        return 1000 * (self.rule.km or 0)


FITNESS_OF_BAOTOU = ("sports_park", "fitness_centre", "pool", "greenway", "health_path", "health_theme_park")
SPORTS, CLINIC, RESCUE, CENTRE, COMMUNITY_CARE = (
    ("fitness_venue",), ("village_clinic",), ("emergency",), ("community_health_centre",), ("community_health_institution",)
)  # fmt: skip

PRIMARY, COUNSEL, WATCH = ("primary_care",), ("counselling_room",), ("monitoring_point",)
PRIMARY_OF_DALAD = ("township_health_centre", "community_health_centre", "community_health_station", "village_clinic")
CLINIC_OF_STATED_KIND = ("village_clinic_centre", "village_clinic_general")

# Left out: what asks for something a facility has (a grade, an operator), of which the samples' files say nothing, and
# presences of more than one or in the place of another.
RULES: dict[str, Rule] = {
    "shanting/S01": Rule(CLINIC, RIDING, minutes=15, area_class="rural"),
    "shanting/S02": Rule(CLINIC, ON_FOOT_KM, km=2.5, area_class="rural"),
    "shanting/S07": Rule(("township_health_centre",), per="township", ownership="government", kinds="town"),
    "shanting/S09": Rule(("county_medical_subcentre", "general_hospital"), ("drive",), minutes=30, area_class="rural"),
    "shanting/S11": Rule(RESCUE, OUT_KM, km=5, area_class="urban", outwards=True),
    "shanting/S12": Rule(RESCUE, OUT_KM, km=20, area_class="rural", outwards=True),
    "shanting/S42": Rule(("fitness",), RIDING, minutes=15),
    "yanhu/Y01": Rule(SPORTS, RIDING, minutes=15, kinds="community"),
    "yanhu/Y02-hospital": Rule(("general_hospital", "regional_medical_centre"), ("drive", "ambulance"), minutes=30),
    "yanhu/Y02-scene": Rule(RESCUE, ("drive", "ambulance"), minutes=30, outwards=True),
    "yanhu/Y04": Rule(CLINIC, ownership="collective", kinds="village"),
    "dalad/D01": Rule(SPORTS, RIDING, minutes=10),
    "dalad/D02-banner": Rule(SPORTS, per="county"),
    "dalad/D02-township": Rule(SPORTS, per="township"),
    "dalad/D02-village": Rule(SPORTS),
    "dalad/D03-banner": Rule(("hospital",), per="county"),
    "dalad/D03-township": Rule(("township_health_centre", "community_health_centre"), per="township"),
    "dalad/D03-village": Rule(("village_clinic", "community_health_station")),
    "kangbashi/K01": Rule(COMMUNITY_CARE, RIDING, minutes=10),
    "kangbashi/K03": Rule(COMMUNITY_CARE, kinds="community"),
    "kangbashi/K05-cdc": Rule(("cdc",), per="county"),
    "kangbashi/K05-mch": Rule(("mch_centre", "mch_hospital"), per="county"),
    "kangbashi/K06": Rule(CENTRE, per="township", kinds="street"),
    "baotou/B01": Rule(FITNESS_OF_BAOTOU, RIDING, minutes=10),
    "baotou/B04": Rule(("fitness_guidance_station",), per="county"),
    "baotou/B21-cdc": Rule(("cdc",), per="county"),
    "baotou/B21-mch": Rule(("mch_centre", "mch_hospital"), per="county"),
    "baotou/B21-supervision": Rule(("supervision",), per="county"),
    "baotou/B34": Rule(("bsl2_laboratory",), per="county"),
    "baotou/B35": Rule(("mental_rehab_point",), kinds="community"),
    "baotou/B36-community": Rule(("counselling_room", "psychology_clinic"), kinds="community"),
    "baotou/B38-point": Rule(("first_aid_training_point",), per="county"),
    "kangbashi/K25-reach": Rule(RESCUE, OUT_KM, km=5, outwards=True),
    "kangbashi/K31-10min": Rule(SPORTS, RIDING, minutes=10),
    "kangbashi/K31-15min": Rule(SPORTS, RIDING, minutes=15),
    "kangbashi/K32-street": Rule(("vaccination_clinic",), per="township", kinds="street"),
    "shanting/S03-circle": Rule(CLINIC_OF_STATED_KIND, RIDING, minutes=15, area_class="rural"),
    "shanting/S03-radius": Rule(CLINIC_OF_STATED_KIND, ON_FOOT_KM, km=2.5, area_class="rural"),
    "shanting/S10-subcentre": Rule(("emergency_subcentre",), per="county"),
    "shanting/S25-hospital": Rule(("tcm_hospital",), per="county", ownership="government"),
    "shanting/S35": Rule(CLINIC, kinds="village"),
    "shanting/S43-without": Rule(SPORTS, RIDING, minutes=15),
    "shanting/S53-township": Rule(("counselling_room", "psychology_clinic"), per="township"),
    "yanhu/Y24-township": Rule(("water_monitoring_point",), per="township", kinds="town"),
    "yanhu/Y31-community": Rule(("counselling_room",), kinds="community"),
    "national/ambulance-rural-20km": Rule(RESCUE, OUT_KM, km=20, area_class="rural", outwards=True),
    "national/ambulance-urban-5km": Rule(RESCUE, OUT_KM, km=5, area_class="urban", outwards=True),
    "national/chc-1000m": Rule(CENTRE, ON_FOOT_KM, km=1, area_class="urban"),
    "national/chc-per-street": Rule(CENTRE, per="township", kinds="street"),
    "national/chs-300m": Rule(("community_health_station",), ON_FOOT_KM, km=0.3, area_class="urban"),
    "national/clinic-per-village": Rule(CLINIC, kinds="village"),
    "national/fitness-15min": Rule(("fitness",), ("walk", "cycle", "ebike"), minutes=15, area_class="urban"),
    "national/medical-15min": Rule(("primary_care",), (*RIDING, "drive"), minutes=15),
    "baotou/B37": Rule(COUNSEL),
    "baotou/B38-base": Rule(("first_aid_training",), per="county"),
    "baotou/B39-lab": Rule(("hiv_laboratory",), per="county"),
    "dalad/D04-circle10": Rule(PRIMARY_OF_DALAD, RIDING, minutes=10),
    "dalad/D04-circle15": Rule(PRIMARY_OF_DALAD, RIDING, minutes=15),
    "dalad/D04-radius": Rule(PRIMARY_OF_DALAD, ON_FOOT_KM, km=2.5),
    "dalad/D14-centre": Rule(("childcare_guidance_centre",), per="county"),
    "dalad/D14-communities": Rule(("community_childcare_centre",), kinds="community"),
    "dalad/D21-communities": Rule(WATCH, kinds="community"),
    "dalad/D21-network": Rule(WATCH, per="county"),
    "dalad/D23": Rule(("supervision_station",), per="township"),
    "dalad/D36-imaging": Rule(("shared_imaging",), per="county"),
    "dalad/D36-laboratory": Rule(("shared_laboratory",), per="county"),
    "dalad/D36-sterilising": Rule(("sterilising_centre",), per="county"),
    "dalad/D36-store": Rule(("emergency_store",), per="county"),
    "dalad/D38-points": Rule(("blood_pressure_point",), per="county"),
    "kangbashi/K26-lab": Rule(("bsl2_laboratory",), per="county"),
    "kangbashi/K27": Rule(("mental_rehab_point",), kinds="community"),
    "kangbashi/K36-base": Rule(("first_aid_training",), per="county"),
    "kangbashi/K36-points": Rule(("first_aid_training_point",), per="county"),
    "shanting/S26-institution": Rule(("mch_hospital", "mch_centre"), per="county", ownership="government"),
    "shanting/S38": Rule(WATCH, per="county"),
    "shanting/S53-institution": Rule(("mental_hospital", "psychology_clinic"), per="county"),
    "yanhu/Y31-district": Rule(COUNSEL, per="county"),
    "yanhu/Y32": Rule((*WATCH, "fever_sentinel_room"), per="county"),
    "national/ambulance-beijing-8min": Rule(RESCUE, ("ambulance", "drive"), minutes=8, area_class="urban", outwards=True),
    "national/ambulance-guizhou-rural-30min": Rule(RESCUE, ("ambulance", "drive"), minutes=30, area_class="rural", outwards=True),
    "national/ambulance-guizhou-urban-15min": Rule(RESCUE, ("ambulance", "drive"), minutes=15, area_class="urban", outwards=True),
    "national/ambulance-nanjing-8min": Rule(RESCUE, ("ambulance",), minutes=8, area_class="urban", outwards=True),
    "national/ambulance-qingdao-3km": Rule(RESCUE, OUT_KM, km=3, area_class="urban", outwards=True),
    "national/ambulance-shanghai-3500m": Rule(RESCUE, OUT_KM, km=3.5, area_class="urban", outwards=True),
    "national/circle-5min-300m": Rule(PRIMARY, ("road:walk",), km=0.3, area_class="urban"),
    "national/circle-10min-500m": Rule(PRIMARY, ("road:walk",), km=0.5, area_class="urban"),
    "national/circle-15min-800m": Rule((*CENTRE, "hospital"), ("road:walk",), km=1, area_class="urban"),
    "national/circle-15min-1000m": Rule((*CENTRE, "hospital"), ("road:walk",), km=1, area_class="urban"),
    "national/circle-5min-walk": Rule(PRIMARY, ("walk", "walk_elderly"), minutes=5, area_class="urban"),
    "national/circle-10min-walk": Rule(PRIMARY, ("walk", "walk_elderly"), minutes=10, area_class="urban"),
    "national/circle-15min-walk": Rule(PRIMARY, ("walk", "walk_elderly"), minutes=15, area_class="urban"),
    "national/circle-shanghai-85": Rule(PRIMARY, ("walk",), minutes=15, area_class="urban"),
    "national/circle-shanghai-99": Rule(PRIMARY, ("walk",), minutes=15, area_class="urban"),
    "national/clinic-circle-15min": Rule(CLINIC, RIDING, minutes=15, area_class="rural"),
    "national/clinic-radius-2500m": Rule(CLINIC, ON_FOOT_KM, km=2.5, area_class="rural"),
    "national/day-care-300m": Rule(("day_care_centre",), ("straight", "road:walk_elderly"), km=0.3, area_class="urban"),
    "national/nursery-300m": Rule(("childcare",), ON_FOOT_KM, km=0.3, area_class="urban"),
    "national/sports-large-1000m": Rule(("fitness",), ON_FOOT_KM, km=1, area_class="urban"),
    "national/sports-medium-500m": Rule(("fitness",), ON_FOOT_KM, km=0.5, area_class="urban"),
    "national/sports-small-300m": Rule(("fitness",), ON_FOOT_KM, km=0.3, area_class="urban"),
    "national/sports-park-1km": Rule(("sports_park",), ON_FOOT_KM, km=1),
    "national/sports-park-5km": Rule(("sports_park",), ON_FOOT_KM, km=5),
}  # fmt: skip

# Type: the wider type it belongs to (- for none) and the words that mean it, the title first.
TYPES = """
hospital                        -                             医院 三级医院 二级医院 一级医院
general_hospital                hospital                      综合医院 人民医院 三级综合医院 二级综合医院 一级综合医院 二级甲等综合医院
tcm_hospital                    hospital                      中医（蒙医）医院 中医院 中医医院 蒙医院 蒙中医院 蒙医医院 中西医结合医院
specialist_hospital             hospital                      专科医院 眼科医院 口腔医院 骨科医院
rehabilitation_hospital         specialist_hospital           康复医院
mental_hospital                 specialist_hospital           精神病医院 精神卫生中心
cancer_hospital                 specialist_hospital           肿瘤医院
maternity_hospital              specialist_hospital           妇产医院
children_hospital               specialist_hospital           儿童医院
chronic_disease_hospital        specialist_hospital           慢性病医院
geriatric_hospital              specialist_hospital           老年医院
mch_hospital                    hospital                      妇幼保健院
primary_care                    -                             基层医疗卫生机构
township_health_centre          primary_care                  卫生院 乡镇卫生院 镇卫生院 乡卫生院 苏木卫生院 苏木镇卫生院 一般卫生院
central_township_health_centre  township_health_centre        中心卫生院 乡镇中心卫生院 镇中心卫生院 苏木中心卫生院
community_health_institution    primary_care                  社区卫生服务机构
community_health_centre         community_health_institution  社区卫生服务中心
community_hospital              community_health_centre       社区医院
community_health_station        community_health_institution  社区卫生服务站 社区卫生站
village_clinic                  primary_care                  村卫生室 卫生室 村卫生所 嘎查卫生室 嘎查村卫生室 标准化村卫生室
village_clinic_centre           village_clinic                中心村卫生室
village_clinic_general          village_clinic                一般村卫生室
village_clinic_service_point    village_clinic                村卫生室服务点 服务点
clinic                          primary_care                  诊所
private_clinic                  clinic                        个体诊所 私人诊所 中医诊所 西医诊所
doctors                         primary_care                  医生诊室
outpatient_department           primary_care                  门诊部 综合门诊部 中医门诊部
infirmary                       primary_care                  医务室 卫生所
school_health_room              infirmary                     校医室
pharmacy                        -                             药店 药房 零售药店
dentist                         -                             牙科诊所 口腔诊所 口腔门诊部
cosmetic_clinic                 -                             医疗美容机构 医疗美容
emergency                       -                             院前急救机构 急救站点
emergency_centre                emergency                     急救中心 120急救中心 紧急医疗救援中心
emergency_subcentre             emergency                     急救分中心
emergency_point                 emergency                     急救点 急救站
emergency_substation            emergency                     急救分站
vehicle                         -                             急救车辆
ambulance                       vehicle                       救护车
negative_pressure_ambulance     ambulance                     负压救护车
role                            -                             机构角色
county_medical_subcentre        role                          县域医疗服务次中心 县域医疗次中心
regional_medical_centre         role                          区域医疗中心
medical_elderly_integration     role                          医养结合机构
two_houses_in_one               medical_elderly_integration   两院一体
two_rooms_in_one                medical_elderly_integration   两室合一
public_health                   -                             专业公共卫生机构
cdc                             public_health                 疾病预防控制中心 疾控中心
supervision                     public_health                 卫生监督所
supervision_station             supervision                   卫生健康监督协管站
mch_centre                      public_health                 妇幼保健计划生育服务中心 妇幼保健中心 妇幼保健站 妇幼保健所
monitoring_point                public_health                 监测哨点
blood_point                     public_health                 采供血机构 血站
blood_collection_point          blood_point                   采血点
plasma_station                  blood_point                   单采血浆站
hosted_service                  -                             机构内设服务
fever_clinic                    hosted_service                发热门诊
fever_sentinel_room             hosted_service                发热哨点诊室
fever_room                      hosted_service                发热诊室
enteric_clinic                  hosted_service                肠道门诊
hepatitis_clinic                hosted_service                肝炎门诊
vaccination_clinic              hosted_service                预防接种门诊
tcm_hall                        hosted_service                中医馆
tcm_zone                        hosted_service                中医药服务区
tcm_pharmacy                    hosted_service                中药房
counselling_room                hosted_service                心理咨询室
psychology_clinic               hosted_service                心理门诊
mother_baby_room                hosted_service                母婴室
first_aid_training_point        -                             急救培训点 急救知识普及培训点
continuing_care                 -                             接续性医疗机构
rehabilitation                  continuing_care               康复机构
nursing_home                    continuing_care               护理院
hospice                         continuing_care               安宁疗护机构
geriatric                       continuing_care               老年病科
childcare                       -                             托育服务设施
childcare_institution           childcare                     托育机构
community_childcare_centre      childcare_institution         社区托育中心
nursery                         childcare_institution         托育园
childcare_guidance_centre       -                             托育指导中心
childcare_place                 -                             托位
elderly_care                    -                             养老服务设施
elderly_institution             elderly_care                  养老机构
elderly_home                    elderly_institution           养老院 敬老院
embedded_elderly_home           elderly_institution           嵌入式养老机构
day_care_centre                 elderly_care                  日间照料中心 老年人日间照料中心
day_home                        elderly_care                  托老所
elders_home                     elderly_care                  老年之家
mutual_aid_courtyard            elderly_care                  幸福院 农村幸福院 互助幸福院
fitness                         -                             健身场地（含开放的学校场地）
fitness_venue                   fitness                       健身场所 全民健身活动场所 健身场地
public_sports_facility          fitness_venue                 公共体育设施 体育场馆 体育馆 体育场
activity_ground                 fitness_venue                 活动场地 健身广场 文化广场 文体广场
sports_park                     fitness_venue                 体育公园
fitness_centre                  fitness_venue                 健身中心 社区健身中心 社区小型健身中心 健身房
pool                            fitness_venue                 游泳馆 游泳池
pitch                           fitness_venue                 球场 运动场 篮球场 足球场
running_track                   fitness_venue                 跑道
fitness_equipment               fitness_venue                 健身器材 健身路径
park                            fitness_venue                 公园
health_theme_park               park                          健康主题公园
greenway                        fitness_venue                 绿道 慢跑步道
health_path                     fitness_venue                 健康步道 健身步道
school_ground                   fitness                       学校体育场地 学校操场
school                          -                             学校 小学 中学 中小学
kindergarten                    -                             幼儿园
inspected_place                 -                             学校周边整治对象
convertible_venue               -                             平战两用救治场所 应急医疗救治场所
water_monitoring_point          public_health                 饮用水监测点
urban_water_monitoring_point    water_monitoring_point        城区饮用水监测点
rural_water_monitoring_point    water_monitoring_point        农村饮用水监测点
mental_rehab_point              hosted_service                精神障碍社区康复点
hiv_screening_point             hosted_service                艾滋病筛查点
hiv_laboratory                  hosted_service                艾滋病筛查实验室
bsl2_laboratory                 hosted_service                生物安全二级实验室
blood_pressure_point            hosted_service                自助血压检测点
first_aid_training              -                             急救培训基地
fitness_guidance_station        -                             全民健身科学指导站
shared_centre                   -                             县域共享中心
shared_laboratory               shared_centre                 检验中心
shared_imaging                  shared_centre                 影像中心
sterilising_centre              shared_centre                 消毒中心
emergency_store                 shared_centre                 应急物资储备库
speciality_centre               -                             急危重症救治中心
chest_pain_centre               speciality_centre             胸痛中心
stroke_centre                   speciality_centre             卒中中心
trauma_centre                   speciality_centre             创伤中心
maternal_centre                 speciality_centre             危重孕产妇救治中心
newborn_centre                  speciality_centre             危重儿童和新生儿救治中心
cancer_centre                   speciality_centre             癌症中心
"""
_LINES = [line.split() for line in TYPES.strip().splitlines()]
WIDER = {code: wider for code, wider, *_ in _LINES if wider != "-"}
TYPE_OF_WORD = {word: code for code, _, *words in _LINES for word in words}

OWNER_WORDS = {
    "government": "公立 公办 政府 政府办 政府举办 国有",
    "collective": "集体 集体所有 集体所有制 集体产权 集体办 村集体 村办",
    "private": "民营 私立 私营 私人 私有 个体 个人 民办 非公立 社会办",
    "non_profit": "民办非营利 民办非企业 民办非企业单位",
}
OWNER_OF_WORD = {word: code for code, words in OWNER_WORDS.items() for word in words.split()}

KIND_OF_ENDING = {
    "嘎查": "village", "村": "village", "村委会": "village", "村民委员会": "village", "社区": "community",
    "居委会": "community", "居民委员会": "community", "街道": "street", "街道办事处": "street", "镇": "town", "乡": "town",
    "苏木": "town",
}  # fmt: skip
URBAN_CODES, RURAL_CODES = ("111", "112", "121", "122", "123"), ("210", "220")


def facility_type(word: str) -> str:
    """The type a word of the list means."""
    if word not in TYPE_OF_WORD:
        raise ValueError("a word for facilities that the oracle does not know", word)
    return TYPE_OF_WORD[word]


def owner(word: str) -> str:
    """Who owns it; empty where the list says nothing."""
    if word and word not in OWNER_OF_WORD:
        raise ValueError("a word for owners that the oracle does not know", word)
    return OWNER_OF_WORD.get(word, "")


def is_of(kind: str, wanted: tuple[str, ...]) -> bool:
    """Whether a facility of this type is one of those a rule asks for, itself or through a wider type."""
    while kind:
        if kind in wanted:
            return True
        kind = WIDER.get(kind, "")
    return False


def unit_kind(name: str) -> str:
    """Village, community, town or street by the longest ending; empty when the name does not say."""
    fits = [ending for ending in KIND_OF_ENDING if name.strip().endswith(ending)]
    return KIND_OF_ENDING[max(fits, key=len)] if fits else ""


def area_class(code: str, name: str) -> str:
    """Urban or rural by the 3-digit code, by the word, else by the kind of unit."""
    if code in (*URBAN_CODES, "urban", "城镇"):
        return "urban"
    if code in (*RURAL_CODES, "rural", "乡村"):
        return "rural"
    if code:
        raise ValueError("neither an urban nor a rural code", code)
    return "urban" if unit_kind(name) in ("community", "street") else "rural"


def criteria(use: list[str]) -> list[Criterion]:
    """The criteria of a study's list: records, plans (`yanhu`) and groups (`dalad/D02`)."""
    found: dict[str, Criterion] = {}
    for name in use:
        ids = [i for i in RULES if i == name or i.startswith((name + "/", name + "-"))]
        if not ids:
            raise ValueError("a standard the oracle does not know", name)
        for i in ids:
            found |= {f"{i}/{m}": Criterion(f"{i}/{m}", RULES[i], m) for m in RULES[i].measures}
    return [found[key] for key in sorted(found)]
